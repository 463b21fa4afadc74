"""The "new" web services of Studio, resources of Azure Resource Manager."""
