// A single block on its own: a grid, the figures, a heat map, a ledger or a chart.
import { Blocks } from "./blocks.js";
import { dress, h } from "./dom.js";
import { Link } from "./link.js";
import { Alerts } from "./alerts.js";

function render({ model, el }) {
  const link = new Link(model);
  const blocks = new Blocks(link);
  const alerts = new Alerts(link, blocks.node);
  dress(el);
  el.append(h("div", { class: "xlm-piece" }, alerts.node, blocks.node, alerts.said));
  const show = () => blocks.update("piece", model.get("_blocks"));
  link.on("_blocks", show);
  show();
  return () => link.close();
}

export default { render };
