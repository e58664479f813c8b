// Files in and out: the report and the desk as workbooks, a workbook or a pasted table as the new desk.
import { button, h, live } from "./dom.js";

const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/** Hand a file over to the browser. */
function save(name, bytes) {
  const url = URL.createObjectURL(new Blob([bytes], { type: XLSX }));
  const anchor = h("a", { href: url, download: name });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** The buttons that export and import. */
export function exchange(link) {
  const pick = live("input", { type: "file", accept: ".xlsx", hidden: true, "aria-label": "Workbook to open" });
  pick.addEventListener("change", async () => {
    const [file] = pick.files;
    if (file) link.ask({ do: "open", name: file.name, buffer: await file.arrayBuffer() });
    pick.value = "";
  });
  const listen = (content, buffers) => {
    if (content?.file && content.view === link.view) save(content.file, buffers[0]);
  };
  link.on("msg:custom", listen);
  return [
    button("Open…", () => pick.click(), { title: "Take over positions, balances … from a workbook" }),
    button("Report", () => link.ask({ do: "report" }), { title: "Download the report as a workbook" }),
    button("Desk", () => link.ask({ do: "save" }), { title: "Download the tables as a workbook" }),
    pick,
  ];
}
