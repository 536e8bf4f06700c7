// Before the first paint, so that a page in the dark never flashes.
document.documentElement.dataset.theme = localStorage.getItem("kassa-theme") ?? "system";
