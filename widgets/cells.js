// A moving cursor and a block selection over rows and columns.

/** Cursor and selection of a table of `rows()` × `columns()` cells. */
export class Cursor {
  constructor(rows, columns) {
    this.rows = rows;
    this.columns = columns;
    this.row = 0;
    this.column = 0;
    this.anchor = null;
  }

  /** Go to a cell inside the table; `extend` keeps the other corner of the selection. */
  go(row, column, extend = false) {
    if (extend) this.anchor ??= [this.row, this.column];
    else this.anchor = null;
    this.row = Math.max(0, Math.min(this.rows() - 1, row));
    this.column = Math.max(0, Math.min(this.columns() - 1, column));
  }

  /** Select every cell. */
  all() {
    this.anchor = [0, 0];
    this.row = this.rows() - 1;
    this.column = this.columns() - 1;
  }

  /** First and last row and column of the selection. */
  box() {
    const [row, column] = this.anchor ?? [this.row, this.column];
    return {
      top: Math.min(row, this.row),
      bottom: Math.max(row, this.row),
      left: Math.min(column, this.column),
      right: Math.max(column, this.column),
    };
  }

  has(row, column) {
    const { top, bottom, left, right } = this.box();
    return row >= top && row <= bottom && column >= left && column <= right;
  }

  /** Move by an arrow, Home, End or Page key; false if the key is none of them. */
  key(event, page) {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-page, 0], PageDown: [page, 0] };
    const far = event.ctrlKey || event.metaKey;
    const move = step[event.key];
    if (move && far) this.go(this.row + move[0] * 1e9, this.column + move[1] * 1e9, event.shiftKey);
    else if (move) this.go(this.row + move[0], this.column + move[1], event.shiftKey);
    else if (event.key === "Home") this.go(far ? 0 : this.row, 0, event.shiftKey);
    else if (event.key === "End") this.go(far ? 1e9 : this.row, 1e9, event.shiftKey);
    else return false;
    return true;
  }
}
