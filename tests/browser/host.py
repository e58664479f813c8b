"""A widget drawn in real Chromium without Jupyter: its own script, its real Python behind it, a host of a few lines."""

HOST = """async ([esm, css, state]) => {
  document.head.append(Object.assign(document.createElement('style'), { textContent: css }));
  const listeners = {}, values = structuredClone(state);
  const fire = (event, ...what) => (listeners[event] ?? []).slice().forEach((listener) => listener(...what));
  window.push = (update) => {
    Object.assign(values, update);
    Object.keys(update).forEach((key) => fire('change:' + key));
  };
  window.fire = fire;
  window.asked = [];
  window.deaf = false;
  const model = {
    get: (key) => values[key],
    set: (key, value) => { values[key] = value; },
    save_changes: () => {},
    on: (event, listener) => (listeners[event] ??= []).push(listener),
    off: (event, listener) => { listeners[event] = (listeners[event] ?? []).filter((other) => other !== listener); },
    send: (content) => { window.asked.push(content); if (!window.deaf) window.answer(content).then(window.push); },
  };
  const url = URL.createObjectURL(new Blob([esm], { type: 'text/javascript' }));
  window.module = (await import(url)).default;
  window.view = async () => {
    const el = document.body.appendChild(document.createElement('div'));
    return window.module.render({ model, el });
  };
  window.close = await window.view();
}"""
OWN = ("_model", "_view", "_any", "_dom", "_esm", "_css")


def state(widget):
    """The traits that the browser reads."""
    return {k: getattr(widget, k) for k in widget.keys if k.startswith("_") and not k.startswith(OWN)}


def send(widget, *actions, view="test", seq=1, buffers=()):
    """What the browser would send, handed to the widget as the kernel would."""
    content = {"view": view, "seq": seq, "actions": list(actions)}
    widget._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": list(buffers)})


def mount(page, widget, dark=False):
    """Draw a widget in a page; what it asks is answered by the widget itself."""

    def answer(content):
        widget._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})
        return state(widget)

    page.expose_function("answer", answer)
    page.goto("about:blank")
    theme = "data-jp-theme-light='false' style='background:#111;color:#eee'" if dark else ""
    page.set_content(f"<!doctype html><html lang='en'><head><title>x</title></head><body {theme}></body></html>")
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.evaluate(HOST, [widget._esm, widget._css, state(widget)])
    return page


def refresh(page, widget):
    """Hand the page what the widget has changed by itself."""
    page.evaluate("(update) => window.push(update)", state(widget))
