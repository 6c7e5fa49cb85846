document.documentElement.dataset.script = "loaded";
for (const picture of document.querySelectorAll("figure img")) {
  picture.addEventListener("error", () => picture.closest("figure").remove());
}
