// Copy, cut and paste of a block, as Excel and Calc write it; what a pasted text means is decided in Python.

const quoted = (text) => (/[\t\n"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** The selected cells as tab-separated text. */
function selection(grid) {
  const { top, bottom, left, right } = grid.cursor.box();
  const lines = [];
  for (let row = top; row <= bottom; row += 1) {
    const cells = [];
    for (let column = left; column <= right; column += 1) cells.push(quoted(grid.text(row, column)));
    lines.push(cells.join("\t"));
  }
  return lines;
}

/** Give a grid its clipboard. */
export function clipboard(grid) {
  const take = (event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  const copy = (event) => {
    if (grid.editor || !grid.data.rows.length) return false;
    const lines = selection(grid);
    event.clipboardData.setData("text/plain", lines.join("\n"));
    grid.said.textContent = `Copied ${lines.length} rows`;
    take(event);
    return true;
  };
  const paste = (event) => {
    if (grid.editor) return;
    const { top, left } = grid.cursor.box();
    const row = grid.data.rows[top]?.[0] ?? null;
    const column = grid.data.columns[left]?.name ?? "";
    grid.link.ask({ do: "paste", sheet: grid.name, row, column, text: event.clipboardData.getData("text/plain") });
    take(event);
  };
  grid.scroller.addEventListener("copy", copy);
  grid.scroller.addEventListener("cut", (event) => copy(event) && grid.clear());
  grid.scroller.addEventListener("paste", paste);
}
