/* Comforts of the donate page. Everything works without this file: it only shows the sum while one
   chooses, keeps a second press of the button from doing anything, and solves the puzzle by which the
   page tells a browser from a program while stolen cards are being tried out. */
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

  /* SHA-256 of one block (a text of at most 55 letters): its first word is all that is looked at. */
  const primes = [2];
  for (let n = 3; primes.length < 64; n += 2) if (primes.every((prime) => n % prime)) primes.push(n);
  const fraction = (root) => ((root - Math.floor(root)) * 2 ** 32) | 0;
  const constants = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
  const start = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));
  const words = new Int32Array(64);
  const firstWord = (text) => {
    words.fill(0, 0, 16);
    for (let i = 0; i < text.length; i += 1) words[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i & 3));
    words[text.length >> 2] |= 0x80 << (24 - 8 * (text.length & 3));
    words[15] = text.length * 8;
    for (let i = 16; i < 64; i += 1) {
      const u = words[i - 15];
      const v = words[i - 2];
      words[i] = words[i - 16] + ((u >>> 7 | u << 25) ^ (u >>> 18 | u << 14) ^ u >>> 3)
        + words[i - 7] + ((v >>> 17 | v << 15) ^ (v >>> 19 | v << 13) ^ v >>> 10) | 0;
    }
    let [a, b, c, d, e, f, g, h] = start;
    for (let i = 0; i < 64; i += 1) {
      const one = h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7))
        + (e & f ^ ~e & g) + constants[i] + words[i] | 0;
      const two = ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ a & c ^ b & c) | 0;
      h = g; g = f; f = e; e = d + one | 0; d = c; c = b; b = a; a = one + two | 0;
    }
    return start[0] + a | 0;
  };

  const puzzle = form.elements.puzzle.value;
  const bits = Number(puzzle.split(".")[1]);
  const solved = new Promise((done) => {
    let answer = 0;
    const search = () => {
      /* A few milliseconds at a time, so that typing never waits. */
      for (const until = performance.now() + 8; performance.now() < until;) {
        for (let tries = 0; tries < 100; tries += 1, answer += 1) {
          if (Math.clz32(firstWord(`${puzzle}:${answer}`)) >= bits) {
            form.elements.proof.value = answer;
            done();
            return;
          }
        }
      }
      setTimeout(search);
    };
    setTimeout(search);
  });

  let isSent = false;
  form.addEventListener("submit", (event) => {
    const isAgain = isSent;
    isSent = true;
    form.querySelector("button").setAttribute("aria-busy", "true");
    if (isAgain || !form.elements.proof.value) event.preventDefault();
    if (!isAgain && !form.elements.proof.value) solved.then(() => form.submit());
  });
  window.addEventListener("pageshow", () => {
    isSent = false;
    form.querySelector("button").removeAttribute("aria-busy");
  });
})();
