// xlwings Lite's path: the built wheel in Pyodide, called through xlwings' own wasm runtime and client code.
// Usage: node pyodide.mjs FOLDER WHEEL XLWINGS_SERVER_PACKAGE < calls.jsonl   → one JSON object.
// FOLDER holds node_modules/pyodide with the numpy, scipy and pandas wheels beside it, and the wheel of xlwings.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { host, matrix } from "./office.mjs";

const [folder, wheel, serverPackage] = process.argv.slice(2);
const home = join(folder, "node_modules", "pyodide");
const { loadPyodide } = await import(pathToFileURL(join(home, "pyodide.mjs")));
const started = performance.now();
const environment = { HOME: "/home/pyodide", XLWINGS_ON_SERVER: "true", XLWINGS_LICENSE_KEY: "noncommercial" };
const pyodide = await loadPyodide({ indexURL: `${home}/`, env: environment });
await pyodide.loadPackage(["numpy", "scipy", "pandas"], { messageCallback: () => {} });
const site = pyodide.runPython("import site; site.getsitepackages()[0]");
const xlwings = readdirSync(folder).find((name) => name.startsWith("xlwings-") && name.endsWith(".whl"));
for (const archive of [join(folder, xlwings), wheel]) {
  pyodide.unpackArchive(new Uint8Array(readFileSync(archive)), "wheel", { extractDir: site });
}
for (const name of ["config.py", "wasm_runtime.py"]) {
  pyodide.FS.writeFile(`/home/pyodide/${name}`, readFileSync(join(serverPackage, "wasm", name), "utf8"));
}
const main = "from xlmargin.workbooks import *";
pyodide.FS.writeFile("/home/pyodide/custom_functions.py", main);
pyodide.FS.writeFile("/home/pyodide/custom_scripts.py", "");
pyodide.runPython("import sys; sys.path.insert(0, '/home/pyodide')");
await pyodide.runPythonAsync(readFileSync(join(serverPackage, "wasm", "wasm_runtime.py"), "utf8"));
const imported = (performance.now() - started) / 1000;

const client = readFileSync(join(serverPackage, "static", "js", "custom-functions", "custom-functions-code.js"), "utf8");
// As xlwings-server's route writes them (the generator in its wasm_runtime.py still has an older form, 1.20.0).
const names = pyodide.runPython("import json; json.dumps([n for n in dir(custom_functions) if n.startswith('XM_')])");
const flags = "isStreaming: false, isCached: false, callerScoped: false";
const stubs = JSON.parse(names)
  .map((name) => `CustomFunctions.associate("${name}", (...cells) => base({ funcName: "${name}", ${flags} }, ...cells));`)
  .join("\n");
const wasmCall = pyodide.globals.get("custom_functions_call");
const { registered, call } = host(client + stubs, { onWasm: true, wasmCall });
const answers = {};
const seconds = {};
for (const line of readFileSync(0, "utf8").split("\n")) {
  if (!line) continue;
  const [name, id, given] = JSON.parse(line);
  const count = pyodide.runPython(`len(custom_functions.${id}.__xlfunc__["args"])`);
  const cells = Array.from({ length: count }, (_, i) => matrix(given[i] ?? null));
  const start = performance.now();
  answers[name] = await call(id, cells);
  seconds[name] = (performance.now() - start) / 1000;
}
const python = pyodide.runPython("import platform, numpy, pandas, scipy; f'{platform.python_version()} numpy {numpy.__version__} pandas {pandas.__version__} scipy {scipy.__version__}'");
const told = JSON.stringify({ answers, seconds, imported, python, registered: [...registered.keys()] });
process.stdout.write(`${told}\n`, () => process.exit(0)); // not before all is written: a pipe takes 64 KB at a time
