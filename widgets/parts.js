// Small blocks: a table, a sentence, notices, and something to choose.
import { freshId, h, keepKeys, live } from "./dom.js";

const LONG = 48;

/** A table of texts; long ones are broken into lines. */
export class Table {
  constructor() {
    this.node = live("div", { class: "xlm-table-box", tabindex: "0", role: "region" });
  }

  update({ caption, headers, rows, numeric, more }) {
    const side = (i) => (numeric[i] ? "num" : "txt");
    const head = h("tr", {}, ...headers.map((text, i) => h("th", { scope: "col", class: side(i) }, text)));
    const look = (text, i) => (text.length > LONG ? `${side(i)} xlm-long` : side(i));
    const body = rows.map((row) => h("tr", {}, ...row.map((text, i) => h("td", { class: look(text, i) }, text))));
    const title = caption ? h("caption", {}, caption) : null;
    const table = h("table", { class: "xlm-table" }, title, h("thead", {}, head), h("tbody", {}, ...body));
    this.node.setAttribute("aria-label", caption || "Table");
    this.node.replaceChildren(table, ...(more ? [h("p", { class: "xlm-hint" }, more)] : []));
  }
}

/** A sentence. */
export class Text {
  constructor() {
    this.node = h("p", { class: "xlm-text" });
  }

  update({ text }) {
    this.node.textContent = text;
  }
}

/** What the figures rest on. */
export class Notes {
  constructor() {
    this.node = h("div", { class: "xlm-notes" });
  }

  update({ items, empty }) {
    const entry = ({ text, source }) => h("li", {}, text, source ? h("cite", {}, ` ${source}`) : null);
    this.node.replaceChildren(items.length ? h("ul", {}, ...items.map(entry)) : h("p", { class: "xlm-text" }, empty));
  }
}

/** One of several words, or several of them. */
export class Choices {
  constructor(link) {
    this.link = link;
    this.node = keepKeys(h("div", { class: "xlm-choices" }));
  }

  update(block) {
    const key = JSON.stringify(block);
    if (key === this.drawn) return;
    this.drawn = key;
    this.node.replaceChildren(...(block.many ? this.boxes(block) : this.select(block)));
  }

  choose(id, value) {
    this.link.ask({ do: "choose", id, value }, `choose ${id}`);
  }

  select({ id, label, options, chosen }) {
    const name = freshId("choice");
    const choose = (event) => this.choose(id, event.target.value);
    const select = live("select", { id: name, change: choose });
    select.append(...options.map((one) => h("option", { value: one.id, selected: chosen.includes(one.id) && "" }, one.label)));
    return [h("label", { for: name }, label), select];
  }

  boxes({ id, label, options, chosen }) {
    const picked = new Set(chosen);
    const flip = (one) => (event) => {
      if (event.target.checked) picked.add(one.id);
      else picked.delete(one.id);
      this.choose(id, options.map((other) => other.id).filter((other) => picked.has(other)));
    };
    const box = (one) => {
      const input = live("input", { type: "checkbox", change: flip(one) });
      input.checked = picked.has(one.id);
      return h("label", { class: "xlm-check" }, input, one.label);
    };
    return [h("fieldset", {}, h("legend", {}, label), ...options.map(box))];
  }
}
