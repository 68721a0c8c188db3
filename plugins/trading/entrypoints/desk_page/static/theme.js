// Airflow keeps a person's choice of colours under "theme"; without one the browser's own preference holds.
"use strict";
(() => {
  const apply = () => {
    let chosen = null;
    try { chosen = localStorage.getItem("theme"); } catch { /* storage is refused: the preference holds */ }
    const root = document.documentElement;
    if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
    else delete root.dataset.theme;
  };
  apply();
  addEventListener("storage", apply);
})();
