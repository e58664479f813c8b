// The head of the panel and the market controls.
import { button, freshId, h, keepKeys, live, mark } from "./dom.js";
import { FieldRow } from "./fields.js";

/** Model, date, account and options. */
export class Head {
  constructor(link, tools) {
    this.row = new FieldRow((id, value) => link.ask({ do: "field", id, value }, `field ${id}`));
    this.undo = button("Undo", () => link.ask({ do: "undo" }), { title: "Undo (Ctrl+Z in a grid)" });
    this.redo = button("Redo", () => link.ask({ do: "redo" }), { title: "Redo (Ctrl+Shift+Z in a grid)" });
    this.node = keepKeys(h("div", { class: "xlm-head" }, this.row.node, h("div", { class: "xlm-tools" }, this.undo, this.redo, ...tools)));
  }

  update({ fields, undo, redo }) {
    this.row.update(fields);
    this.undo.disabled = !undo;
    this.redo.disabled = !redo;
  }
}

/** A slider with a number beside it for every market move. */
export class Shocks {
  constructor(link) {
    this.link = link;
    this.rows = new Map();
    this.box = h("div", { class: "xlm-shocks" });
    this.still = button("Back to market", () => link.ask({ do: "still" }, "shock"), { class: "xlm-button xlm-still" });
    const title = h("div", { class: "xlm-bar" }, h("span", { class: "xlm-grid-title" }, "Market moves"), this.still);
    this.node = keepKeys(h("div", {}, title, this.box));
  }

  update({ controls, moved }) {
    const wanted = new Set(controls.map((one) => `${one.what} ${one.name}`));
    for (const [key, row] of this.rows) if (!wanted.has(key)) this.drop(key, row);
    for (const control of controls) this.show(control);
    const order = controls.map((one) => this.rows.get(`${one.what} ${one.name}`).node);
    if (order.some((node, i) => this.box.children[i] !== node)) this.box.replaceChildren(...order);
    this.still.disabled = !moved;
    this.node.hidden = !controls.length;
  }

  drop(key, row) {
    row.node.remove();
    this.rows.delete(key);
  }

  show(control) {
    const key = `${control.what} ${control.name}`;
    let row = this.rows.get(key);
    if (!row) {
      row = this.make(control, key);
      this.rows.set(key, row);
      this.box.append(row.node);
    }
    const held = [row.slider, row.number].includes(document.activeElement) && this.link.pending;
    if (!held) {
      row.slider.value = control.value;
      row.number.value = control.text;
    }
    mark(row.slider, "aria-valuetext", `${control.text} ${control.unit}`);
  }

  make(control, key) {
    const name = freshId("shock");
    const ask = (value) => this.link.ask({ do: "shock", what: control.what, name: control.name, value }, key);
    const limits = { min: control.min, max: control.max, step: control.step };
    const slider = live("input", { id: name, type: "range", ...limits, "data-shock": key, input: () => ask(slider.value) });
    const words = `${control.label}, ${control.unit}`;
    const number = live("input", { type: "text", class: "xlm-shock-number", "aria-label": words, change: () => ask(number.value) });
    const node = h("div", { class: "xlm-shock" }, h("label", { for: name }, control.label), slider, number, h("span", {}, control.unit));
    return { node, slider, number };
  }
}
