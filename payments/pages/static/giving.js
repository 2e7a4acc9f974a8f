/* Comforts of the donate page. Everything works without this file: it only shows the sum while one
   chooses, and keeps a second press of the button from doing anything. */
(() => {
  const form = document.getElementById("gift");
  document.getElementById("errors")?.focus();

  const chosen = (name) => form.querySelector(`[name="${name}"]:checked`) ?? form.querySelector(`[type=hidden][name="${name}"]`);
  const written = (minor, currency, decimals) =>
    new Intl.NumberFormat(form.dataset.locale, {
      style: "currency", currency,
      minimumFractionDigits: decimals, maximumFractionDigits: decimals,
    }).format(minor / 10 ** decimals);

  /* The same reading as on the server, for plain figures only; anything else shows no sum. */
  const read = (text, decimals) => {
    const figures = /^(\d{1,3}(?:,\d{3})+|\d{1,9})(?:\.(\d*))?$/.exec(text.replace(/[\s$₩원]/g, ""));
    if (!figures) return null;
    const fraction = (figures[2] ?? "").replace(/0+$/, "");
    if (fraction.length > decimals) return null;
    return Number(figures[1].replaceAll(",", "") + fraction.padEnd(decimals, "0"));
  };

  const show = () => {
    const currency = chosen("currency").value;
    const frequency = chosen("frequency").value;
    const group = form.querySelector(`.amounts[data-currency="${currency}"][data-frequency="${frequency}"]`);
    const decimals = Number(group.dataset.decimals);
    const field = group.dataset.field;
    const choice = field && chosen(`amount_${field}`)?.value;
    const own = field && document.getElementById(`own-${field}`);
    const amount = choice && choice !== "own" ? Number(choice) : own && read(own.value, decimals);
    const sum = form.querySelector(".sum");
    const sentence = form.querySelector(`.fee[data-currency="${currency}"]`);
    sentence.dataset.plain ??= sentence.textContent;
    if (!amount) {
      sum.hidden = true;
      sentence.textContent = sentence.dataset.plain;
      return;
    }
    const rate = Number(group.dataset.rate);
    const step = Number(group.dataset.step);
    const cover = Math.ceil((amount * rate + Number(group.dataset.fixed) * 10000) / (10000 - rate) / step) * step;
    sentence.textContent = sentence.dataset.sentence.replace("{fee}", written(cover, currency, decimals));
    const total = amount + (document.getElementById("cover-fees").checked ? cover : 0);
    document.getElementById("sum").textContent = written(total, currency, decimals);
    sum.hidden = false;
  };

  form.addEventListener("input", show);
  form.addEventListener("change", (event) => {
    if (event.target.value === "own") document.getElementById(event.target.id.replace(/^amount-(.*)-own$/, "own-$1")).focus();
    show();
  });
  show();

  let isSent = false;
  form.addEventListener("submit", (event) => {
    if (isSent) event.preventDefault();
    isSent = true;
    form.querySelector("button").setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => {
    isSent = false;
    form.querySelector("button").removeAttribute("aria-busy");
  });
})();
