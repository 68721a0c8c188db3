// The Desk page: the hour's slider, the matrix under the keyboard, the switches, and a look each minute.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const main = document.querySelector("main");
  const book = main.dataset.book, other = main.dataset.other;
  const slider = $("slider"), hourBox = $("hour");
  const HINT = "Point at a cell, tap it, or walk with the arrow keys: value, threshold and what would turn the verdict.";
  const MINUTE = 60000, KEPT = 300;
  const full = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const dayOf = new Intl.DateTimeFormat("en-CA", { timeZone: "America/New_York" });
  const label = (at) => full.format(new Date(at * 1000)).replace(",", "").replace("Sept", "Sep");
  const short = (at) => label(at).replace(/ \d{4},/, "");
  const address = (path, query) => path + "?" + new URLSearchParams({ book, ...query });
  let instants = [], follows = !main.dataset.pinned, shown = Number(main.dataset.at) || null;
  const hours = new Map();

  const trouble = (text) => { const box = $("trouble"); box.textContent = text || ""; box.hidden = !text; };
  const ask = async (path, options) => {
    const reply = await fetch(path, { credentials: "same-origin", headers: { Accept: "application/json" }, ...options });
    const told = await reply.json().catch(() => ({}));
    if (!reply.ok) throw new Error(reply.status === 401 ? "You are logged out; log in to Airflow and open the page again." : told.detail || `the server answered ${reply.status}`);
    return told;
  };

  // --- ages -----------------------------------------------------------------------------------
  const age = (at) => {
    const minutes = Math.floor((Date.now() / 1000 - at) / 60);
    if (minutes < 1) return "now";
    if (minutes < 60) return `${minutes} min ago`;
    if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ago`;
    return `${Math.floor(minutes / 1440)} days ago`;
  };
  const tellAges = () => {
    for (const box of document.querySelectorAll("[data-ago]")) {
      if (!box.dataset.ago) continue;
      if (box.tagName === "TD") box.textContent = age(Number(box.dataset.ago));
      else box.title = age(Number(box.dataset.ago));
    }
    const asof = $("asof"), newest = instants.at(-1) || Number(asof.dataset.newest);
    const late = Boolean(document.querySelector(".glance .tile.warn"));
    asof.textContent = newest ? `as of ${short(newest)}, ${age(newest)}${late ? " – LATE" : ""}` : "";
    asof.classList.toggle("late", late);
  };

  // --- the hour -------------------------------------------------------------------------------
  const remember = (told) => {
    hours.set(told.at, told);
    if (hours.size > KEPT) hours.delete(hours.keys().next().value);
    return told;
  };
  let asking = null, waits = null;
  const showHour = async (at) => {
    shown = at;
    $("hour-label").textContent = label(at);
    setAddress();
    if (asking) asking.abort();
    if (!hours.has(at)) {
      asking = new AbortController();
      hourBox.setAttribute("aria-busy", "true");
      try { remember(await ask(address("api/hour", { at }), { signal: asking.signal })); trouble(""); }
      catch (error) { if (error.name !== "AbortError") trouble(error.message); return; }
      finally { hourBox.removeAttribute("aria-busy"); }
    }
    if (shown === at && hours.has(at)) fill(hours.get(at).html);
  };
  const fill = (html) => {
    const cell = hourBox.querySelector(".cell[tabindex='0']");
    const place = cell ? placeOf(cell) : null, had = cell === document.activeElement;
    hourBox.innerHTML = html;
    preparePath(place, had);
  };
  const go = (index, soon) => {
    if (!instants.length) return;
    const at = Math.min(Math.max(index, 0), instants.length - 1);
    slider.value = at;
    follows = at === instants.length - 1;
    sayHour();
    clearTimeout(waits);
    if (soon) { $("hour-label").textContent = label(instants[at]); waits = setTimeout(() => showHour(instants[at]), 90); }
    else showHour(instants[at]);
  };
  const sayHour = () => slider.setAttribute("aria-valuetext", instants.length ? label(instants[slider.value]) : "");
  const session = (direction) => {
    const here = Number(slider.value), today = dayOf.format(new Date(instants[here] * 1000));
    let index = here;
    while (instants[index + direction] && dayOf.format(new Date(instants[index + direction] * 1000)) === today) index += direction;
    return index + direction;
  };
  const steps = { back: () => go(slider.value - 1), on: () => go(Number(slider.value) + 1), newest: () => go(instants.length - 1), "session-back": () => go(session(-1)), "session-on": () => go(session(1)) };
  const setAddress = () => {
    const query = new URLSearchParams({ book });
    if (other) query.set("other", other);
    if (!follows && shown) query.set("at", shown);
    $("permalink").href = "?" + query;
    history.replaceState(null, "", "?" + query);
  };
  const loadInstants = async () => {
    const told = await ask(address("api/instants"));
    let minute = 0;
    instants = told.minutes.map((step) => (minute += step) * 60);
    slider.max = Math.max(instants.length - 1, 0);
    slider.disabled = instants.length < 2;
    let place = instants.indexOf(shown);
    if (place < 0 || follows) place = instants.length - 1;
    slider.value = place;
    if (instants.length) { $("first-label").textContent = label(instants[0]); $("last-label").textContent = label(instants.at(-1)); }
    sayHour();
  };
  slider.addEventListener("input", () => go(Number(slider.value), true));
  document.addEventListener("click", (event) => {
    const step = event.target.closest("[data-step]");
    if (step && instants.length) steps[step.dataset.step]();
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, textarea, .cell, dialog") || event.altKey || event.ctrlKey || event.metaKey) return;
    const step = { ArrowLeft: "back", ArrowRight: "on" }[event.key];
    if (step && instants.length) { steps[step](); event.preventDefault(); }
  });

  // --- the matrix -----------------------------------------------------------------------------
  const grid = () => [...hourBox.querySelectorAll(".matrix tr")].map((row) => [...row.querySelectorAll("td")].map((td) => td.querySelector(".cell"))).filter((row) => row.length);
  const placeOf = (cell) => { const rows = grid(); const r = rows.findIndex((row) => row.includes(cell)); return r < 0 ? null : [r, rows[r].indexOf(cell)]; };
  const tell = (cell) => {
    const box = hourBox.querySelector("#readout");
    if (!box) return;
    box.textContent = cell ? cell.dataset.told : HINT;
    box.classList.toggle("told", Boolean(cell));
  };
  const preparePath = (place, focus) => {
    const rows = grid();
    const cell = (place && rows[place[0]] && rows[place[0]][place[1]]) || rows[0]?.find(Boolean);
    if (!cell) return;
    cell.tabIndex = 0;
    if (focus) cell.focus();
  };
  hourBox.addEventListener("mouseover", (event) => { const cell = event.target.closest("td .cell"); if (cell) tell(cell); });
  hourBox.addEventListener("focusin", (event) => {
    const cell = event.target.closest("td .cell");
    if (!cell) return;
    for (const old of hourBox.querySelectorAll(".cell[tabindex='0']")) old.tabIndex = -1;
    cell.tabIndex = 0;
    tell(cell);
  });
  hourBox.addEventListener("click", (event) => { const cell = event.target.closest("td .cell"); if (cell) { cell.focus(); tell(cell); } });
  hourBox.addEventListener("keydown", (event) => {
    const cell = event.target.closest("td .cell"), move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!cell || !move) return;
    event.preventDefault();
    const rows = grid();
    let [r, c] = placeOf(cell);
    do { r += move[0]; c += move[1]; } while (rows[r] && c >= 0 && c < rows[r].length && !rows[r][c]);
    rows[r]?.[c]?.focus();
  });

  // --- the run in Airflow ---------------------------------------------------------------------
  // A frame of Airflow's may not navigate its parent. The parent is our own server's page, so its router is asked.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.run");
    if (!link || parent === window) return;
    event.preventDefault();
    const target = new URL(link.href).pathname;
    try {
      parent.history.pushState(null, "", target);
      parent.dispatchEvent(new PopStateEvent("popstate"));
    } catch {
      const told = link.parentElement.querySelector(".copied");
      told.hidden = false;
      told.textContent = link.href;
    }
  });

  // --- books ----------------------------------------------------------------------------------
  $("books").addEventListener("change", (event) => event.currentTarget.requestSubmit());

  // --- the cross-hair -------------------------------------------------------------------------
  const crossHair = () => {
    const box = document.querySelector(".curves");
    if (!box) return;
    const told = JSON.parse(box.dataset.points);
    for (const plot of box.querySelectorAll(".plot")) {
      const values = plot.closest("figure").classList.contains("low") ? told.fallen : told.grown;
      const hair = document.createElement("i");
      hair.className = "hair";
      hair.hidden = true;
      plot.append(hair);
      const point = (event) => {
        const rect = plot.getBoundingClientRect(), frac = Math.min(Math.max((event.clientX - rect.left) / rect.width, 0), 1);
        const index = Math.round(frac * (told.days.length - 1));
        hair.hidden = false;
        hair.style.left = `${(index / Math.max(told.days.length - 1, 1)) * 100}%`;
        const words = Object.entries(values).map(([name, all]) => `${name} ${all[index] === null ? "–" : `${all[index] < 0 ? "−" : "+"}${Math.abs(all[index] * 100).toFixed(1)} %`}`);
        $("cross").textContent = `${told.days[index]}: ${words.join(", ")}`;
      };
      plot.addEventListener("pointermove", point);
      plot.addEventListener("pointerdown", point);
      plot.addEventListener("pointerleave", () => { hair.hidden = true; });
    }
  };

  // --- a look each minute -----------------------------------------------------------------------
  const look = async () => {
    if (document.hidden || $("confirm").open) return;
    try {
      const told = await ask(address("api/panels", other ? { other } : {}));
      for (const [name, html] of Object.entries(told.panels)) {
        const box = document.querySelector(`[data-panel="${name}"]`);
        if (box && box.dataset.html !== html) { box.innerHTML = html; box.dataset.html = html; if (name === "curve") crossHair(); }
      }
      if (told.newest && told.newest !== instants.at(-1)) {
        hours.delete(told.newest);
        await loadInstants();
        if (follows) await showHour(instants.at(-1));
      } else if (follows && told.newest) { hours.delete(told.newest); await showHour(told.newest); }
      trouble("");
    } catch (error) { trouble(error.message); }
    tellAges();
  };
  setInterval(look, MINUTE);
  setInterval(tellAges, 10000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });

  // --- switches -------------------------------------------------------------------------------
  const dialog = $("confirm"), words = { halt: "Halt", reduce: "Reduce only", resume: "Resume" };
  let turning = null;
  const list = (box, lines) => { box.replaceChildren(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line }))); };
  const readyToTurn = () => { $("confirm-do").disabled = turning === "resume" && !$("confirm-reason").value.trim(); };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-switch]");
    if (!button || button.disabled) return;
    turning = button.dataset.switch;
    $("confirm-title").textContent = `${words[turning]} ${book}?`;
    $("confirm-means").textContent = "";
    list($("confirm-lines"), []);
    $("confirm-result").replaceChildren();
    $("confirm-reason").value = "";
    $("confirm-do").textContent = `${words[turning]} now`;
    $("confirm-do").hidden = false;
    $("confirm-do").className = `act ${turning}`;
    readyToTurn();
    dialog.showModal();
    try {
      const told = await ask(address("api/effect", { switch: turning }));
      $("confirm-means").textContent = `${told.before} now. ${told.means}`;
      list($("confirm-lines"), told.lines);
    } catch (error) { $("confirm-means").textContent = error.message; }
  });
  $("confirm-reason").addEventListener("input", readyToTurn);
  $("confirm-close").addEventListener("click", () => dialog.close());
  $("confirm-do").addEventListener("click", async () => {
    $("confirm-do").disabled = true;
    $("confirm-result").textContent = "Working: the broker is asked …";
    const given = { switch: turning, book, reason: $("confirm-reason").value };
    try {
      const told = await ask("api/switch", { method: "POST", body: JSON.stringify(given), headers: { "Content-Type": "application/json", "X-Airdesk": "desk" } });
      const head = Object.assign(document.createElement("b"), { textContent: told.head });
      const lines = document.createElement("ul");
      list(lines, told.lines);
      $("confirm-result").replaceChildren(head, lines);
      $("confirm-result").className = told.is_safe ? "" : "over";
      $("confirm-do").hidden = true;
    } catch (error) { $("confirm-result").textContent = error.message; $("confirm-result").className = "over"; readyToTurn(); }
  });
  dialog.addEventListener("close", look);

  preparePath(null, false);
  crossHair();
  tellAges();
  loadInstants().then(tellAges).catch((error) => trouble(error.message));
})();
