/* Looks again while a gift is being confirmed and puts the news in place without reloading, so that a
   screen reader is told once and keeps its place. Without scripts the page reloads itself instead. */
(() => {
  const look = async () => {
    const outcome = document.getElementById("outcome");
    let fresh;
    try {
      const answer = await fetch(outcome.dataset.next, { headers: { accept: "text/html" } });
      if (!answer.ok) throw new Error(String(answer.status));
      fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      window.setTimeout(look, 10_000);
      return;
    }
    const news = fresh.getElementById("outcome");
    if (news.dataset.status !== outcome.dataset.status) {
      document.title = fresh.title;
      document.querySelector(".scene-words").replaceWith(fresh.querySelector(".scene-words"));
      document.getElementById("news").textContent = news.querySelector("h1").textContent;
    }
    outcome.replaceWith(news);
    if (news.dataset.seconds) window.setTimeout(look, Number(news.dataset.seconds) * 1000);
  };
  window.setTimeout(look, Number(document.getElementById("outcome").dataset.seconds) * 1000);
})();
