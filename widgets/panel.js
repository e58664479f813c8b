// The panel: head, sheets and market moves on one side, figures and tabs on the other.
import { Alerts } from "./alerts.js";
import { Blocks } from "./blocks.js";
import { Head, Shocks } from "./controls.js";
import { dress, freshId, h, live, mark } from "./dom.js";
import { Figures } from "./figures.js";
import { exchange } from "./files.js";
import { Grid } from "./grid.js";
import { Link } from "./link.js";

/** A row of tabs; arrow keys walk, and the chosen one is told. */
class Tabs {
  constructor(label, choose) {
    this.choose = choose;
    this.node = h("div", { role: "tablist", class: "xlm-tabs", "aria-label": label });
    this.node.addEventListener("keydown", (event) => this.key(event));
  }

  update(tabs, chosen, panel) {
    const key = JSON.stringify(tabs);
    if (key !== this.drawn) {
      this.drawn = key;
      this.node.replaceChildren(...tabs.map((tab) => this.make(tab, panel)));
    }
    for (const tab of this.node.children) {
      mark(tab, "aria-selected", String(tab.dataset.tab === chosen));
      mark(tab, "tabindex", tab.dataset.tab === chosen ? 0 : -1);
    }
    if (!tabs.some((tab) => tab.id === chosen)) this.node.firstChild.tabIndex = 0;
  }

  make({ id, title, count }, panel) {
    const badge = count ? h("span", { class: "xlm-badge", title: `${count} wrong` }, String(count)) : null;
    return live("button", { type: "button", role: "tab", id: freshId("tab"), "aria-controls": panel, "data-tab": id, click: () => this.choose(id) }, title, badge);
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9 }[event.key];
    if (step === undefined) return;
    const all = [...this.node.children];
    const to = Math.max(0, Math.min(all.length - 1, all.indexOf(document.activeElement) + step));
    all[to].focus();
    this.choose(all[to].dataset.tab);
    event.preventDefault();
    event.stopPropagation();
  }
}

/** Tabs by group: a row for each, its name before it. */
class TabRows {
  constructor(choose) {
    this.choose = choose;
    this.rows = new Map();
    this.node = h("div", {});
  }

  update(tabs, chosen, panel) {
    for (const { group } of tabs) if (!this.rows.has(group)) this.add(group);
    for (const [group, row] of this.rows) row.update(tabs.filter((tab) => tab.group === group), chosen, panel);
  }

  add(group) {
    const row = new Tabs(group, this.choose);
    this.rows.set(group, row);
    this.node.append(h("div", { class: "xlm-tab-row" }, h("span", { class: "xlm-tab-group", "aria-hidden": "true" }, group), row.node));
  }
}

/** Positions and balances always, one of the other sheets below them. */
class Sheets {
  constructor(link) {
    this.link = link;
    this.panel = freshId("sheet");
    this.open = null;
    this.tabs = new Tabs("More tables", (id) => this.show(this.open === id ? null : id));
    this.place = h("div", { id: this.panel, role: "tabpanel", "aria-label": "Table" });
    this.positions = new Grid(link, { sheet: "positions", title: "Positions" });
    this.balances = new Grid(link, { sheet: "balances", title: "Balances" });
    this.node = h("div", { class: "xlm-sheets" }, this.positions.node, this.balances.node, this.tabs.node, this.place);
    for (const name of OTHERS) link.on(`_${name}`, () => this.update());
    this.update();
  }

  update() {
    const sheet = (id) => this.link.model.get(`_${id}`);
    const tab = (id) => ({ id, title: sheet(id).title, count: Object.keys(sheet(id).errors).length });
    this.tabs.update(OTHERS.map(tab), this.open, this.panel);
  }

  show(id) {
    this.open = id;
    this.place.replaceChildren(...(id ? [new Grid(this.link, { sheet: id, title: "" }).node] : []));
    this.update();
  }
}

const OTHERS = ["instruments", "assets", "accounts", "orders", "crif"];

function render({ model, el }) {
  const link = new Link(model);
  const head = new Head(link, exchange(link));
  const shocks = new Shocks(link);
  const figures = new Figures();
  const body = new Blocks(link);
  const page = freshId("page");
  const tabs = new TabRows((id) => link.ask({ do: "tab", id }, "tab"));
  const shown = h("div", { id: page, role: "tabpanel", class: "xlm-page", "aria-label": "View" }, body.node);
  const stamp = h("div", { class: "xlm-stamp" });
  const cover = h("div", { class: "xlm-answers" }, figures.node, tabs.node, shown);
  const alerts = new Alerts(link, cover);
  const left = h("div", { class: "xlm-side" }, new Sheets(link).node, shocks.node);
  const right = h("div", { class: "xlm-main" }, alerts.node, cover, alerts.said, stamp);
  dress(el);
  el.append(h("div", { class: "xlm-panel" }, head.node, h("div", { class: "xlm-columns" }, left, right)));

  const draw = {
    _head: () => head.update(model.get("_head")),
    _shocks: () => shocks.update(model.get("_shocks")),
    _figures: () => figures.update(model.get("_figures")),
    _body: () => {
      const { tab, blocks, busy } = model.get("_body");
      tabs.update(model.get("_tabs"), tab, page);
      body.update(tab, blocks);
      mark(shown, "aria-busy", String(busy));
    },
    _status: () => {
      const { stamp: words, shocked } = model.get("_status");
      stamp.textContent = [words, shocked && `after ${shocked}`].filter(Boolean).join(" · ");
    },
  };
  for (const [name, step] of Object.entries(draw)) {
    link.on(name, step);
    step();
  }
  return () => link.close();
}

export default { render };
