// Small helps on top of pages that work without them. Each module wires what it finds in the page.
import { wireComboboxes, wireComboboxesAgain, wireFilters } from "./combobox.js";
import { wireCopy } from "./copy.js";
import { wireDialogs } from "./dialog.js";
import { wireMenus } from "./menu.js";
import { wirePolling } from "./poll.js";
import { wireSelection } from "./selection.js";
import { wireSubmit } from "./submit.js";
import { wireTheme } from "./theme.js";
import { localTimes } from "./time.js";
import { wireToasts } from "./toast.js";

// Pages that move refresh themselves for browsers that have never left this mark.
document.cookie = "scripts=1; path=/; max-age=31536000; SameSite=Lax";

wireComboboxes(document);
wireComboboxesAgain();
wireCopy();
wireDialogs();
wireFilters();
wireMenus();
wirePolling();
wireSelection();
wireSubmit();
wireTheme();
wireToasts();
localTimes(document);
document.addEventListener("htmx:after:swap", () => localTimes(document));
