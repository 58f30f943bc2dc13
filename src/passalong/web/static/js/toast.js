// A confirmation has said what it had to say after a few seconds.
export function wireToasts() {
  for (const toast of document.querySelectorAll(".toasts .toast")) setTimeout(() => toast.remove(), 6000);
}
