package browser

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// What somebody does during an outage, from the first look to the run that shows that it is over.
func TestWalk(t *testing.T) {
	from := &source{states: []probe.TargetState{withHistory("prod/eu-1", 0, forbidden), withHistory("prod/us-1", 0, healthy), withHistory("staging", 0, healthy), withHistory("test", 0, sealed)}}
	var s *site
	s = serveWith(t, func(string) (<-chan struct{}, bool) {
		done := make(chan struct{})
		go func() {
			s.run(0, healthy)
			close(done)
		}()
		return done, true
	}, from)
	tab := open(t, s.url, desktop)
	eventually(t, tab, `document.getElementById("live").textContent === "live"`)

	// Filter.
	do(t, tab, chromedp.SendKeys("#filter", "prod"))
	const filtered = `[...document.querySelectorAll("[data-name]")].filter(e => e.checkVisibility()).map(e => e.dataset.name).join() === "prod/eu-1,prod/us-1"`
	eventually(t, tab, filtered+` && location.search === "?q=prod"`)

	// Unfold, select, and wait for three updates.
	const card = `document.querySelector("article[data-name='prod/eu-1']")`
	do(t, tab, chromedp.Evaluate[chromedp.Void](card+`.querySelector("summary").click(); getSelection().selectAllChildren(`+card+`.querySelector(".detail")); scrollTo(0, 120)`))
	selected := eval[string](t, tab, `getSelection().toString()`)
	for n := range 3 {
		s.run(0, func(r *probe.Result) {
			forbidden(r)
			r.Duration = time.Duration(200+n) * time.Millisecond
		})
		s.run(1, healthy)
		s.run(3, []func(*probe.Result){sealed, healthy, sealed}[n])
		eventually(t, tab, text+`.includes("took `+fmt.Sprint(200+n)+` ms")`)
	}
	if now := eval[string](t, tab, `getSelection().toString()`); now != selected || selected == "" {
		t.Errorf("%q was selected, and after three updates it is %q", selected, now)
	}
	const kept = filtered + ` && ` + card + `.querySelector("details").open && document.getElementById("filter").value === "prod"`
	eventually(t, tab, kept+` && scrollY > 0`)
	const where = card + `.getBoundingClientRect().top`
	place := eval[float64](t, tab, where)

	// Copy the fix, read the runbook, and come back.
	do(t, tab, chromedp.Evaluate[chromedp.Void](`navigator.clipboard.writeText = async (text) => { window.copied = text; }; `+card+`.querySelectorAll(".copy")[1].click()`))
	eventually(t, tab, `(window.copied || "").startsWith("kubectl create clusterrolebinding")`)
	do(t, tab, chromedp.Navigate(eval[string](t, tab, card+`.querySelector(".runbook a").href`)))
	eventually(t, tab, text+`.includes("At prod/eu-1")`)
	do(t, tab, chromedp.NavigateBack())
	eventually(t, tab, `location.pathname === "/" && document.getElementById("live")?.textContent === "live" && `+kept)
	if top, again := place, eval[float64](t, tab, where); again < top-2 || again > top+2 {
		t.Errorf("the card was %.0f pixels from the top, and is %.0f when the reader comes back", top, again)
	}

	// Probe, and it is over.
	do(t, tab, chromedp.Evaluate[chromedp.Void](card+`.querySelector(".probe button").click()`))
	eventually(t, tab, `document.querySelector("[data-name='prod/eu-1']").tagName === "LI" && `+filtered)
}
