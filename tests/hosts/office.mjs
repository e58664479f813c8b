// A stand-in for Excel and Office.js: runs the custom-functions client that xlwings ships and calls what it registers.
// Usage: node office.mjs http://127.0.0.1:PORT < calls.jsonl   → one JSON object of answers by name.
import { createInterface } from "node:readline";

const origin = process.argv[2];

class FunctionError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

export function host(source, { onWasm = false, wasmCall = null } = {}) {
  const registered = new Map();
  const runtime = (name, version) => name !== "CustomFunctionsRuntime" || parseFloat(version) <= 1.4;
  const Office = {
    onReady: (then) => {
      if (then) then({ host: "Excel" });
      return Promise.resolve();
    },
    context: { requirements: { isSetSupported: runtime } },
  };
  const context = { workbook: { load() {}, name: "Book1.xlsx", worksheets: { onCalculated: { add() {} } } }, sync: async () => {} };
  const Excel = {
    RequestContext: class {
      constructor() {
        Object.assign(this, context);
      }
    },
    run: async (batch) => batch(context),
  };
  const config = { appPath: "", requestTimeout: 30, customFunctionsMaxRetries: 1, customFunctionsRetryCodes: [], onWasm };
  const xlwings = { runPython: async () => {}, getCultureInfoName: async () => "en-US", getDateFormat: async () => "m/d/yyyy" };
  const xwRequest = {
    post: async (url, body, { headers }) => {
      const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
      const data = await answer.json();
      if (!answer.ok) throw Object.assign(new Error(`HTTP ${answer.status}`), { response: { status: answer.status, data } });
      return { data };
    },
  };
  const page = {
    xlwings,
    config,
    xwRequest,
    getAuth: async () => ({ token: "", provider: "" }),
    socket: null,
    wasmCustomFunctionsCall: wasmCall,
    crypto: globalThis.crypto,
  };
  const CustomFunctions = {
    associate: (id, call) => registered.set(id, call),
    Error: FunctionError,
    ErrorCode: { invalidValue: "#VALUE!" },
  };
  const scope = { Office, Excel, CustomFunctions, config, xwRequest, xlwings, globalThis: page, localStorage: undefined, window: { location: { origin } }, console: { ...console, error() {} } };
  new Function(...Object.keys(scope), `"use strict";${source}`)(...Object.values(scope));
  const call = async (id, cells) => {
    try {
      return await registered.get(id)(...cells, { address: "Sheet1!A1", parameterAddresses: [] });
    } catch (error) {
      return [[`${error.code ?? "?"} ${error.message}`]];
    }
  };
  return { registered, call };
}

export const matrix = (given) =>
  given === null ? null : (Array.isArray(given) ? given : [[given]]).map((row) => row.map((cell) => cell ?? ""));

async function main() {
  const source = await (await fetch(`${origin}/xlwings/custom-functions-code.js`)).text();
  const meta = await (await fetch(`${origin}/xlwings/custom-functions-meta.json`)).json();
  const { registered, call } = host(source);
  const counts = Object.fromEntries(meta.functions.map((f) => [f.id, f.parameters.length]));
  const answers = {};
  const seconds = {};
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, id, given] = JSON.parse(line);
    const cells = Array.from({ length: counts[id] }, (_, i) => matrix(given[i] ?? null));
    const start = performance.now();
    answers[name] = await call(id, cells);
    seconds[name] = (performance.now() - start) / 1000;
  }
  console.log(JSON.stringify({ answers, seconds, registered: [...registered.keys()], meta }));
}

if (origin?.startsWith("http")) await main();
