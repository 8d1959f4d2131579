package browser

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// All that the mouse can do the keyboard can, and an update moves no focus.
func TestKeyboard(t *testing.T) {
	s := serveWith(t, func(string) (<-chan struct{}, bool) { return nil, false },
		&source{states: []probe.TargetState{withHistory("production", 0, forbidden), withHistory("staging", 0, healthy)}})
	tab := open(t, s.url, desktop)
	eventually(t, tab, `document.getElementById("live").textContent === "live"`)
	do(t, tab, chromedp.Evaluate[chromedp.Void](`navigator.clipboard.writeText = async (text) => { window.copied = text; }`))
	tabTo := func(selector string) {
		t.Helper()
		for range 40 {
			do(t, tab, chromedp.KeyEvent("\t"))
			if eval[bool](t, tab, `document.activeElement.matches("`+selector+`")`) {
				if eval[string](t, tab, `getComputedStyle(document.activeElement).outlineStyle`) == "none" {
					t.Errorf("the focus on %s cannot be seen", selector)
				}
				return
			}
		}
		t.Fatalf("the tab key does not reach %s", selector)
	}
	for _, selector := range []string{".filters a", "#filter", ".about a", ".probe button", ".line pre", ".copy"} {
		tabTo(selector)
	}
	do(t, tab, chromedp.KeyEvent("\r"))
	eventually(t, tab, `window.copied`)
	tabTo(".runbook a")
	tabTo(".card summary")
	do(t, tab, chromedp.KeyEvent("\r"))
	eventually(t, tab, `document.activeElement.parentElement.open`)
	s.run(1, sealed)
	s.run(0, func(r *probe.Result) {
		forbidden(r)
		r.Duration = 321 * time.Millisecond
	})
	eventually(t, tab, text+`.includes("took 321 ms") && `+text+`.includes("vault_sealed")`)
	if !eval[bool](t, tab, `document.activeElement.matches("[data-name=production] summary") && document.activeElement.parentElement.open`) {
		t.Errorf("after an update the focus is on %s", eval[string](t, tab, `document.activeElement.outerHTML.slice(0, 200)`))
	}
	tabTo(".card + .card .about a")
}
