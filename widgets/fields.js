// Labelled inputs in a row: drop-downs, and texts that Python reads.
import { button, freshId, h, keepKeys, live, mark } from "./dom.js";

/** A row of fields; each is kept while its id stays, and what is being typed in it is left alone. */
export class FieldRow {
  constructor(send) {
    this.send = send;
    this.fields = new Map();
    this.node = h("div", { class: "xlm-fields" });
  }

  update(fields) {
    const wanted = new Set(fields.map((field) => field.id));
    for (const [id, one] of this.fields) if (!wanted.has(id)) this.drop(id, one);
    for (const field of fields) this.show(field);
    const order = fields.map((field) => this.fields.get(field.id).node);
    if (order.some((node, i) => this.node.children[i] !== node)) this.node.replaceChildren(...order);
  }

  drop(id, one) {
    one.node.remove();
    this.fields.delete(id);
  }

  show(field) {
    let one = this.fields.get(field.id);
    if (!one) {
      one = this.make(field);
      this.fields.set(field.id, one);
      this.node.append(one.node);
    }
    const key = JSON.stringify(field.options);
    if (one.options !== key) {
      one.options = key;
      one.list.replaceChildren(...field.options.map((option) => h("option", { value: option.id }, option.label)));
      one.value = undefined;
    }
    mark(one.input, "title", field.hint || null);
    if (one.value !== field.value && (!field.free || document.activeElement !== one.input)) one.input.value = field.value;
    one.value = field.value;
  }

  make({ id, label, free, short }) {
    const name = freshId("field");
    const send = () => this.send(id, input.value);
    const list = free ? h("datalist", { id: freshId("list") }) : null;
    const input = free
      ? live("input", { id: name, type: "text", list: list.id, autocomplete: "off", change: send })
      : live("select", { id: name, change: send });
    input.dataset.field = id;
    const node = h("div", { class: short ? "xlm-field xlm-short" : "xlm-field" }, h("label", { for: name }, label), input, list);
    return { node, input, list: list ?? input };
  }
}

/** What a view asks of the user before it answers: fields, and buttons that do something with the answer. */
export class Fields {
  constructor(link) {
    this.link = link;
    this.row = new FieldRow((id, value) => link.ask({ do: "choose", id, value }, `choose ${id}`));
    this.tools = h("div", { class: "xlm-tools" });
    this.node = keepKeys(h("div", { class: "xlm-asked" }, this.row.node, this.tools));
  }

  update({ fields, buttons }) {
    this.row.update(fields);
    const key = JSON.stringify(buttons);
    if (key === this.drawn) return;
    this.drawn = key;
    const press = (id) => () => this.link.ask({ do: "press", id });
    this.tools.replaceChildren(...buttons.map((one) => button(one.label, press(one.id), { title: one.hint })));
  }
}
