"""docs/howto/from-powershell.md does what it says: the call and the command of every row are run, and do the same."""

from __future__ import annotations

import re

import pytest

from tests.howto.page import ROOT, Block, blocks, missing, quoted, run

PAGE = ROOT / "docs" / "howto" / "from-powershell.md"
TITLE = "cmdlet"
CALL, COMMAND = 2, 3
NONE = {CALL: ("none", "the member"), COMMAND: ("no command", "as above")}
"""How a cell begins that has nothing to run."""

SEEN = """
printf '\\nseen:'
curl -sS "$STUDIO/_local/log" |
  python -c 'import json, sys; print("", *(one["operation"] for one in json.load(sys.stdin)))'
curl -sS -X DELETE "$STUDIO/_local/log"
"""
"""Prints the operations that the services were asked for since the last time."""

AZUREMLPS = """
Get-AmlAnnotation Get-AmlModule New-AmlCustomModule Get-AmlDataset Upload-AmlDataset Download-AmlDataset
Remove-AmlDataset Remove-AmlExperiment Copy-AmlExperimentFromGallery Copy-AmlExperiment Export-AmlExperimentGraph
Import-AmlExperimentGraph Start-AmlExperiment Get-AmlExperiment Get-AmlExperimentNode Download-AmlExperimentNodeOutput
Layout-AmlExperiment Export-AmlWebServiceDefinitionFromExperiment Get-AmlGateway Invoke-AmlWebServiceRRSEndpoint
Invoke-AmlWebServiceBESEndpoint Get-AmlNotebook Get-AmlNotebookAttachmentName Get-AmlNotebookSession
Get-AmlProjectContainer Get-AmlTrainedModel Get-AmlTransform Promote-AmlTransform Promote-AmlTrainedModel
Promote-AmlDataset Update-AmlExperimentModule Update-AmlExperimentUserAsset Replace-AmlExperimentUserAsset
Get-AmlWebService New-AmlWebService Remove-AmlWebService Get-AmlWebServiceEndpoint Remove-AmlWebServiceEndpoint
Add-AmlWebServiceEndpoint Refresh-AmlWebServiceEndpoint Patch-AmlWebServiceEndpoint Get-AmlWorkspace List-AmlWorkspaces
New-AmlWorkspace Remove-AmlWorkspace Add-AmlWorkspaceUsers Get-AmlWorkspaceUsers
"""
"""What AzureMLPS 0.3.8 has."""

AZ = """
Add-AzMlWebServiceRegionalProperty Export-AzMlWebService Get-AzMlCommitmentAssociation Get-AzMlCommitmentPlan
Get-AzMlCommitmentPlanUsageHistory Get-AzMlOpCluster Get-AzMlOpClusterKey Get-AzMlWebService Get-AzMlWebServiceKey
Get-AzMlWebServiceKeys Import-AzMlWebService Move-AzMlCommitmentAssociation New-AzMlCommitmentPlan New-AzMlOpCluster
New-AzMlWebService Remove-AzMlCommitmentPlan Remove-AzMlOpCluster Remove-AzMlWebService Set-AzMlOpCluster
Test-AzMlOpClusterSystemServicesUpdateAvailability Update-AzMlCommitmentPlan Update-AzMlOpClusterSystemService
Update-AzMlWebService
"""
"""What Az.MachineLearning has, or had when it was AzureRM.MachineLearning."""

FACTORY = """
Set-AzDataFactoryV2 Set-AzDataFactoryV2Pipeline Invoke-AzDataFactoryV2Pipeline Get-AzDataFactoryV2PipelineRun
Set-AzDataFactoryV2Trigger Start-AzDataFactoryV2Trigger Set-AzDataFactorySliceStatus
"""
"""Those of Az.DataFactory that started retraining."""


def rows(ran: list[Block]) -> dict[int, dict[int, Block]]:
    """The cells of each row that was run, by line and column."""
    found: dict[int, dict[int, Block]] = {}
    for block in ran:
        if block.column:
            found.setdefault(block.line, {})[block.column] = block
    return found


def operations(block: Block) -> set[str]:
    """What the services were asked for by a cell."""
    *_, seen = re.findall(r"^seen:(.*)$", block.output or "", re.MULTILINE)
    return set(seen.split())


def complaints(cells: dict[int, Block]) -> list[str]:
    """What is wrong with a row that was run."""
    call, command = cells.get(CALL), cells.get(COMMAND)
    found = []
    if call and not re.search(r"^[A-Z]+: HTTP (2\d\d|304)$", call.output or "", re.MULTILINE):
        found.append(f"{call.heading}: the call tells no success\n{call.output}")
    if call and command and not re.search(r"\$RETRAIN_URL|\$FACTORY", call.code):  # these are answered elsewhere
        asked, done = operations(call), operations(command)
        if not asked or not asked <= done:
            found.append(f"{call.heading}: the call asks for {asked}, the command for {done}")
    return found


def cells_of_tables() -> list[list[str]]:
    """The rows of all tables of calls, cell by cell."""
    found, inside = [], False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        inside = line.startswith("|") and (inside or line.startswith(f"| {TITLE} |"))
        if inside and not line.startswith((f"| {TITLE} |", "|---")):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


@pytest.mark.timeout(300)
def test_every_call_and_every_command_is_run_and_a_row_asks_the_services_for_the_same() -> None:
    ran = run(PAGE, TITLE, SEEN)
    wrong = [f"{block.heading}: {line}\n{block.output}" for block in ran if (line := missing(block)) is not None]
    wrong += [complaint for cells in rows(ran).values() for complaint in complaints(cells)]
    assert not wrong, "\n\n".join(wrong)


def test_a_row_has_a_call_and_a_command_or_says_that_there_is_none() -> None:
    found = cells_of_tables()
    assert len(found) >= 40
    for cells in found:
        assert len(cells) == 3, cells
        for column, none in NONE.items():
            cell = cells[column - 1]
            assert quoted(cell) or cell.startswith(none), f"{cells[0]}: {cell}"


def test_what_a_row_has_is_what_is_run() -> None:
    code = [block.code for block in blocks(PAGE, TITLE) if block.column]
    assert code == ["\n".join(quoted(cell)) for cells in cells_of_tables() for cell in cells[1:] if quoted(cell)]
    commands = [line for block in blocks(PAGE, TITLE) if block.column == COMMAND for line in block.code.splitlines()]
    assert commands and all(line.startswith("retrain ") for line in commands)


def test_every_cmdlet_of_both_modules_is_told_and_none_is_invented() -> None:
    there = set(AZUREMLPS.split()) | set(AZ.split())
    first = [cell.split("|")[0] for cell in re.findall(r"^\| (.*)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)]
    told = {name for cell in first for name in re.findall(r"[A-Z][a-z]+-(?:Aml|AzMl|AzData)\w+", cell)}
    assert there - told == set()
    assert told - there == set(FACTORY.split()) | {"Get-AmlWebServiceDefinition"}, "the last one is told not to be one"


def test_a_command_that_asks_for_less_than_its_call_is_found() -> None:
    call = Block("Get", 1, "GET $X", output="GET: HTTP 200\n\nseen: getendpoint\n", column=CALL)
    command = Block("Get", 1, "retrain x", output="\nseen: listendpoints\n", column=COMMAND)
    assert "asks for {'getendpoint'}" in complaints({CALL: call, COMMAND: command})[0]
    refused = Block("Get", 1, "GET $X", output="\nseen: getendpoint\n", column=CALL)
    assert "tells no success" in complaints({CALL: refused})[0]
