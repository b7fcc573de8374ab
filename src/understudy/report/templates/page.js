(() => {
  const form = document.getElementById("filter");
  const open = target => {
    for (let d = target; d; d = d.parentElement) if (d.tagName === "DETAILS") d.open = true;
    if (target) target.scrollIntoView();
  };
  const jump = () => open(location.hash && document.getElementById(location.hash.slice(1)));
  addEventListener("hashchange", jump);
  jump();
  if (!form) return;
  const list = document.getElementById("list");
  const all = [...document.querySelectorAll(".q")];
  const texts = all.map(q => (q.querySelector(".t").textContent + " " + q.querySelector(".options").textContent).toLowerCase());
  const field = name => (form.elements[name] ? form.elements[name].value : "");
  const filter = event => {
    const words = field("words").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    all.forEach((q, i) => {
      const results = field("arm") === "" ? q.dataset.r : q.dataset.r[field("arm")];
      const fits = words.every(w => texts[i].includes(w))
        && (!field("doc") || q.dataset.d === field("doc"))
        && (!field("outcome") || results.includes(field("outcome")));
      q.hidden = !fits;
      shown += fits;
    });
    if (event) list.open = true;
    document.getElementById("shown").textContent = `${shown} of ${all.length} questions shown`;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", event => event.preventDefault());
  document.getElementById("open").addEventListener("click", event => {
    const shown = all.filter(q => !q.hidden);
    const close = shown.every(q => q.open);
    list.open = true;
    shown.forEach(q => { q.open = !close; });
    event.target.textContent = close ? "Open all shown" : "Close all shown";
  });
  list.addEventListener("click", event => {
    const link = event.target.closest("a.p");
    if (!link) return;
    event.preventDefault();
    const there = link.parentElement.querySelector("pre");
    if (there) there.remove();
    else link.parentElement.append(document.querySelector(link.getAttribute("href") + " pre").cloneNode(true));
    link.setAttribute("aria-expanded", String(!there));
  });
  form.hidden = false;
  filter();
})();
