// Loaded into Azurite's Node.js process before Azurite itself (local/azurite.py starts it that way).
// Two things that Azurite cannot do: end when the process that started it is gone, and live under a moved clock.
// Standard input is the line to the parent: it closes when the parent dies, however it dies.
import { createInterface } from "node:readline";

const Real = Date;
let offset = 0;

globalThis.Date = class Date extends Real {
  constructor(...args) {
    if (args.length === 0) super(Real.now() + offset);
    else super(...args);
  }
  static now() {
    return Real.now() + offset;
  }
};

process.stdin.unref(); // alone it must not keep a closed Azurite alive
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [command, seconds] = line.split(" ");
    if (command === "advance") {
      offset += Number(seconds) * 1000;
      process.stderr.write(`advanced ${offset}\n`);
    }
  })
  .on("close", () => process.kill(process.pid, "SIGTERM"));
