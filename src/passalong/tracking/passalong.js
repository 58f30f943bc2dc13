/* Passalong on your website: remembers who sent a friend, fills forms, sends leads.
   <script src="…/passalong.js" data-key="pk_…" defer></script>
   Also: data-days (90), data-domain (.example.com: all subdomains), data-respect-dnt. */
(() => {
  const script = document.currentScript;
  const { key, days, domain } = script.dataset;
  const home = new URL(script.src).origin;
  const asked = navigator.doNotTrack === "1" || navigator.globalPrivacyControl;
  const quiet = "respectDnt" in script.dataset && asked;
  const kept = () => (document.cookie.match(/(?:^|; )passalong_ref=([0-9a-z]{1,16})(?:;|$)/) || [])[1];
  const came = new URLSearchParams(location.search).get("ref");
  const code = /^[0-9a-z]{1,16}$/i.test(came || "") ? came.toLowerCase() : "";

  // Whoever came first stays; without leave to remember, this page still knows.
  if (code && !kept() && !quiet) {
    const age = Math.round((Number(days) || 90) * 86400);
    const more = (domain ? "; domain=" + domain : "") + (location.protocol === "https:" ? "; secure" : "");
    document.cookie = "passalong_ref=" + code + "; path=/; samesite=lax; max-age=" + age + more;
  }
  const ref = () => (quiet ? code : kept() || code) || null;

  const fill = () => {
    for (const field of document.querySelectorAll("input[name=ref],input[data-passalong-ref]")) {
      if (!field.value && ref()) field.value = ref();
    }
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", fill);
  else fill();

  const lead = async (friend) => {
    const body = { ref: ref(), ...friend };
    if (!body.ref) return { status: "no_referrer" };
    const answer = await fetch(home + "/browser/" + key + "/leads", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      credentials: "omit",
      keepalive: true,
    });
    const told = await answer.json();
    if (answer.ok) return told;
    throw Object.assign(new Error(told.detail + " " + told.next_step), told);
  };
  window.passalong = (verb, friend) => {
    if (verb === "lead") return lead(friend);
    if (verb === "ref") return ref();
    throw new Error("passalong: unknown verb " + verb);
  };
})();
