package browser

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

const text = `document.getElementById("main").innerText`

// accessible holds the page against axe-core.
func accessible(t *testing.T, url string, l look) {
	t.Helper()
	tab := open(t, url, l)
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if errors.Is(err, os.ErrNotExist) {
		t.Fatal("axe-core is not there: make page-test fetches it")
	} else if err != nil {
		t.Fatal(err)
	}
	do(t, tab, chromedp.Evaluate[chromedp.Void](string(axe)))
	found := eval[string](t, tab, `axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(
		r.violations.map(v => ({id: v.id, help: v.help, at: v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + " " + n.failureSummary)}))))`)
	if found != "[]" {
		t.Errorf("axe-core says of %s: %s", url, found)
	}
}

// every is the page in each of its states.
func every(t *testing.T) map[string]*site {
	return map[string]*site{
		"healthy":    serve(t, "", withHistory("production", 0, healthy)),
		"warned":     serve(t, "", withHistory("production", 0, warned)),
		"unhealthy":  serve(t, "", withHistory("production", 0, forbidden), withHistory("staging", 0, healthy)),
		"unclear":    serve(t, "", withHistory("production", 0, withoutCanary)),
		"stale":      serve(t, "", withHistory("production", 20*time.Minute, healthy)),
		"stale bad":  serve(t, "", withHistory("production", 20*time.Minute, sealed)),
		"loading":    serve(t, "", probe.TargetState{Target: target("production")}),
		"empty":      serve(t, ""),
		"standby":    serve(t, "exporter-7d9c_X2"),
		"many":       serve(t, "", many(500)...),
		"with slash": serve(t, "", withHistory("prod/eu-1", 0, forbidden)),
	}
}

func TestStates(t *testing.T) {
	sites := every(t)
	for name, want := range map[string][]string{
		"healthy":    {"Pods can log in"},
		"warned":     {"Pods can log in", "Warning certificate_expiring"},
		"unhealthy":  {"1 of 2 targets: pods cannot log in", "reviewer_forbidden", "the reviewer token", "proven", "kubectl create clusterrolebinding"},
		"unclear":    {"Not known whether pods can log in", "canary_token_missing", "the canary"},
		"stale":      {"Not known: the last run is too old"},
		"stale bad":  {"Pods cannot log in", "vault_sealed", "20 min ago"},
		"loading":    {"Waiting for the first run"},
		"empty":      {"No target is assigned to this process"},
		"standby":    {"Standby", "exporter-7d9c_X2 probes"},
		"many":       {"10 of 500 targets: pods cannot log in", "eu-1/team-000"},
		"with slash": {"prod/eu-1"},
	} {
		t.Run(name, func(t *testing.T) {
			shown := eval[string](t, open(t, sites[name].url, desktop), text)
			for _, part := range want {
				if !strings.Contains(shown, part) {
					t.Errorf("the page does not say %q:\n%.2000s", part, shown)
				}
			}
			if name == "stale" && strings.Contains(shown, "Pods can log in") {
				t.Error("a stale result is shown as healthy")
			}
		})
	}
}

func TestAccessibility(t *testing.T) {
	for name, s := range every(t) {
		t.Run(name, func(t *testing.T) { accessible(t, s.url, desktop) })
	}
	s := serve(t, "", withHistory("prod/eu-1", 0, forbidden), withHistory("prod/us-1", 0, warned))
	for name, l := range map[string]look{"dark": {width: 1100, dark: true}, "phone": {width: 320}} {
		t.Run(name, func(t *testing.T) {
			for _, path := range paths {
				accessible(t, s.url+path, l)
			}
			accessible(t, serve(t, "", fleet()...).url, l)
		})
	}
}

// paths are the pages for a target prod/eu-1 whose reviewer is forbidden.
var paths = []string{"/", "/targets/prod%2Feu-1", "/docs/reasons.md", "/docs/warnings.md", "/runbooks/reviewer_forbidden?target=prod%2Feu-1"}

// Nothing is cut off on the narrowest phone, nor when a page is enlarged to four times its size.
func TestPhone(t *testing.T) {
	narrow := func(url string) {
		tab := open(t, url, look{width: 320})
		wide := eval[string](t, tab, `document.documentElement.scrollWidth <= 320 ? "" : document.documentElement.scrollWidth + " pixels: " + `+
			`[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > 320 && !e.closest("svg")).map(e => e.outerHTML.slice(0, 80)).slice(0, 3).join(" ")`)
		if wide != "" {
			t.Errorf("%s does not fit on a phone of 320 pixels: %s", url, wide)
		}
	}
	for _, s := range every(t) {
		narrow(s.url)
	}
	s := serve(t, "", withHistory("prod/eu-1", 0, forbidden), withHistory("a-target-with-a-name-that-has-sixty-three-characters-as-in-labels", 0, warned))
	for _, path := range paths {
		narrow(s.url + path)
	}
	narrow(s.url + "/targets/a-target-with-a-name-that-has-sixty-three-characters-as-in-labels")
}

// From a card to the runbook of its reason, with the target's own commands, and back.
func TestRunbook(t *testing.T) {
	s := serve(t, "", withHistory("prod/eu-1", 0, forbidden))
	tab := open(t, s.url, look{width: 360})
	follow := func(link string) { do(t, tab, chromedp.Navigate(eval[string](t, tab, link+`.href`))) }
	follow(`document.querySelector(".runbook a")`)
	eventually(t, tab, `location.pathname === "/runbooks/reviewer_forbidden" && `+text+`.includes("At prod/eu-1")`)
	if wide := eval[int](t, tab, `document.documentElement.scrollWidth`); wide > 360 {
		t.Errorf("the runbook is %d pixels wide on a phone of 360", wide)
	}
	do(t, tab, chromedp.Evaluate[chromedp.Void](`navigator.clipboard.writeText = async (text) => { window.copied = text; }; document.querySelectorAll(".copy")[1].click()`))
	eventually(t, tab, `(window.copied || "").startsWith("kubectl create clusterrolebinding")`)
	follow(`[...document.querySelectorAll("header a")].find(a => a.textContent === "prod/eu-1")`)
	eventually(t, tab, `location.pathname === "/targets/prod%2Feu-1"`)
}

// What goes into a ticket has the steps, folded or not, and none of the controls.
func TestPrint(t *testing.T) {
	tab := open(t, serve(t, "", withHistory("production", 0, forbidden)).url, desktop)
	const folded, controls = `document.querySelector(".steps:not(.expiries) tbody tr").checkVisibility({contentVisibilityAuto: true})`,
		`["nav", "footer", ".copy"].some(c => document.querySelector(c)?.checkVisibility())`
	do(t, tab, chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(d => { d.open = false })`))
	if eval[bool](t, tab, folded) || !eval[bool](t, tab, controls) {
		t.Error("the screen shows what is folded, or no controls")
	}
	if _, err := chromedp.Call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, tab, folded+` && !`+controls)
}

// Targets that fail for one cause share a card, in which each of them is found.
func TestIncidents(t *testing.T) {
	s := serve(t, "", fleet()...)
	tab := open(t, s.url, desktop)
	shown := eval[string](t, tab, text)
	for _, part := range []string{"61 of 200 targets: pods cannot log in", "60 targets: https://vault.example.com:8200", "vault_sealed"} {
		if !strings.Contains(shown, part) {
			t.Errorf("the page does not say %q:\n%.2000s", part, shown)
		}
	}
	if cards := eval[int](t, tab, `document.querySelectorAll(".card").length`); cards != 3 {
		t.Errorf("there are %d cards, want one for each of three incidents", cards)
	}
	if folded := eval[bool](t, tab, `document.querySelector(".card .row").checkVisibility({contentVisibilityAuto: true})`); folded {
		t.Error("sixty targets are not folded")
	}
	do(t, tab, chromedp.Evaluate[chromedp.Void](`document.querySelector(".card details").open = true; `+
		`document.getElementById("filter").value = "eu-2/team-007"; document.getElementById("filter").dispatchEvent(new Event("input", {bubbles: true}))`))
	const visible = `[...document.querySelectorAll(".row")].filter(r => r.checkVisibility()).map(r => r.dataset.name).join()`
	eventually(t, tab, visible+` === "eu-2/team-007"`)
	s.run(120, healthy) // a refresh keeps what is unfolded and filtered
	eventually(t, tab, `document.querySelector(".card details").open && `+visible+` === "eu-2/team-007"`)
	do(t, tab, chromedp.Evaluate[chromedp.Void](`document.getElementById("filter").value = "team-120"; document.getElementById("filter").dispatchEvent(new Event("input", {bubbles: true}))`))
	eventually(t, tab, `document.querySelector(".card").hidden && `+visible+` === "eu-1/team-120"`)
	do(t, tab, chromedp.Evaluate[chromedp.Void](`document.querySelector(".incidents a").click()`)) // shows what the filter hides
	eventually(t, tab, `document.querySelector(".card").checkVisibility() && document.getElementById("filter").value === "" && !location.search`)
}

// The filter finds names and labels in any case, with and without script, and its state is in
// the address.
func TestFilter(t *testing.T) {
	states := []probe.TargetState{withHistory("prod/eu-1", 0, healthy), withHistory("prod/us-1", 0, forbidden), withHistory("staging", 0, healthy)}
	for i, team := range []string{"Payments", "search", "payments"} {
		states[i].Target.Labels = map[string]string{"team": team}
	}
	const visible = `[...document.querySelectorAll("[data-name]")].filter(r => r.checkVisibility()).map(r => r.dataset.name).sort().join()`
	for _, test := range []struct{ typed, want string }{
		{"PROD/", "prod/eu-1,prod/us-1"}, {"team:payments", "prod/eu-1,staging"}, {"nothing", ""},
	} {
		s := serve(t, "", states...) // a browser opens few connections to one server, and each page keeps one
		tab := open(t, s.url, desktop)
		eventually(t, tab, `document.getElementById("live").textContent === "live"`)
		do(t, tab, chromedp.Evaluate[chromedp.Void](`document.getElementById("filter").value = "`+test.typed+`"; `+
			`document.getElementById("filter").dispatchEvent(new Event("input", {bubbles: true}))`))
		eventually(t, tab, visible+` === "`+test.want+`" && document.getElementById("nothing").hidden === `+fmt.Sprint(test.want != ""))
		address := eval[string](t, tab, `location.href`)
		if _, _, body := get(t, address); strings.Count(body, "data-name=") != len(strings.FieldsFunc(test.want, func(r rune) bool { return r == ',' })) {
			t.Errorf("%s: without script %s shows something else:\n%s", test.typed, address, body)
		}
		again := open(t, address, desktop)
		eventually(t, again, `document.getElementById("live").textContent === "live" && `+visible+` === "`+test.want+`"`)
		do(t, again, chromedp.Evaluate[chromedp.Void](`document.getElementById("filter").value = ""; document.getElementById("filter").dispatchEvent(new Event("input", {bubbles: true}))`))
		eventually(t, again, visible+` === "prod/eu-1,prod/us-1,staging" && !location.search`)
	}
}

func TestWithoutScript(t *testing.T) {
	s := serve(t, "", many(60)...)
	tab := open(t, s.url+"/?state=unhealthy&q=team-007", look{width: 1100, noScript: true})
	body, err := chromedp.Run(tab, chromedp.OuterHTML("html"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(body, "kubectl create clusterrolebinding") || strings.Contains(body, "team-008") {
		t.Errorf("without script the page does not filter:\n%.3000s", body)
	}
}

func TestLive(t *testing.T) {
	s := serve(t, "", withHistory("production", 0, healthy), withHistory("staging", 0, healthy))
	tab := open(t, s.url, desktop)
	eventually(t, tab, `document.getElementById("live").textContent === "live"`)
	do(t, tab, chromedp.Evaluate[chromedp.Void](`window.same = true; document.getElementById("filter").focus(); document.getElementById("filter").value = "prod"`))
	s.run(0, forbidden)
	eventually(t, tab, text+`.includes("reviewer_forbidden")`)
	kept := eval[bool](t, tab, `window.same && document.activeElement.id === "filter" && document.activeElement.value === "prod" && document.querySelector("[data-name=staging]").hidden`)
	if !kept {
		t.Error("the page was reloaded, or lost focus, input or filter")
	}
	s.run(0, healthy)
	eventually(t, tab, `!`+text+`.includes("reviewer_forbidden")`)
	s.page.Close()
	eventually(t, tab, `document.getElementById("live").classList.contains("lost")`)
}

var relativeTime = regexp.MustCompile(`<time class="ago" datetime="([^"]+)" title="[^"]+">([^<]+)</time>`)

// The script says of a time what the server says.
func TestTimes(t *testing.T) {
	var states []probe.TargetState
	for _, age := range []time.Duration{0, 100 * time.Second, 119 * time.Minute, 5 * time.Hour, 47 * time.Hour, 100 * time.Hour} {
		states = append(states, withHistory("target-"+age.String(), age, sealed))
	}
	s := serve(t, "", states...)
	tab := open(t, s.url, desktop)
	for _, path := range []string{"/", "/targets/target-0s"} {
		_, _, page := get(t, s.url+path)
		now, _, _ := strings.Cut(strings.SplitAfter(page, `As of <time datetime="`)[1], `"`)
		times := relativeTime.FindAllStringSubmatch(page, -1)
		for _, found := range times {
			// The page says its own time in whole seconds.
			said := eval[[]string](t, tab, fmt.Sprintf(`[0, 999].map(ms => relative(%q, Date.parse(%q) + ms))`, found[1], now))
			if !slices.Contains(said, found[2]) {
				t.Errorf("at %s, the server says of %s %q, the script %q", now, found[1], found[2], said)
			}
		}
		if len(times) < 5 {
			t.Errorf("%s has %d times", path, len(times))
		}
	}
}

// What the reader does is not undone by updates.
func TestUpdatesLeaveTheReaderAlone(t *testing.T) {
	s := serve(t, "", withHistory("production", 0, forbidden), withHistory("staging", 0, healthy), withHistory("test", 0, healthy))
	tab := open(t, s.url, desktop)
	eventually(t, tab, `document.getElementById("live").textContent === "live"`)
	do(t, tab, chromedp.Evaluate[chromedp.Void](`window.first = document.querySelector(".line pre"); first.focus(); window.fold = document.querySelector(".card details"); fold.open = true; `+
		`getSelection().selectAllChildren(document.querySelector(".detail")); scrollTo(0, 100)`))
	selected := eval[string](t, tab, `getSelection().toString()`)
	for n, change := range []func(*probe.Result){healthy, sealed, sealed} {
		s.run(2, change) // of another target
		s.run(0, func(r *probe.Result) {
			forbidden(r)
			r.Duration = time.Duration(100+n) * time.Millisecond
		})
		eventually(t, tab, text+`.includes("took `+fmt.Sprint(100+n)+` ms")`)
		kept := eval[bool](t, tab, `getSelection().toString() === `+strconv.Quote(selected)+` && fold.isConnected && fold.open && `+
			`document.activeElement === first && scrollY > 0`)
		if !kept || selected == "" {
			t.Fatalf("update %d undid a selection, a fold, the focus or the scrolling: %s", n, eval[string](t, tab,
				`[getSelection().toString(), fold.isConnected, fold.open, document.activeElement === first, scrollY].join(" | ")`))
		}
	}
	eventually(t, tab, `document.querySelector("[data-name=test]").tagName === "ARTICLE" && `+text+`.includes("vault_sealed")`)
	s.run(2, healthy)
	eventually(t, tab, `document.querySelector("[data-name=test]").tagName === "LI"`)

	// What was patched is what would have been loaded, apart from times and what the reader did.
	const plain = `const plain = (main) => main.innerHTML.replace(/ (open|hidden|disabled)=""/g, "").replace(/just now|\d+ (s|min) ago/g, "then").replace(/\d+/g, "0").replace(">live<", "><"); `
	different := eval[string](t, tab, `fetch(location.href).then(r => r.text()).then(page => { `+plain+
		`const a = plain(document.getElementById("main")), b = plain(new DOMParser().parseFromString(page, "text/html").getElementById("main")); `+
		`if (a === b) return ""; let i = 0; while (a[i] === b[i]) i++; return a.slice(i - 200, i + 200) + "\n--- loaded: ---\n" + b.slice(i - 200, i + 200); })`)
	if different != "" {
		t.Errorf("the patched page differs from the one that would be loaded:\n%s", different)
	}
}

func TestCopy(t *testing.T) {
	s := serve(t, "", withHistory("production", 0, forbidden))
	tab := open(t, s.url, desktop)
	do(t, tab, chromedp.Evaluate[chromedp.Void](`navigator.clipboard.writeText = async (text) => { window.copied = text; }; document.querySelectorAll(".copy")[1].click()`))
	eventually(t, tab, `document.querySelectorAll(".copy")[1].textContent === "Copied"`)
	want := diagnose.Diagnose(s.states[0].Target, s.states[0].Latest.Evidence).Fix[0] // the check is the first
	if got := eval[string](t, tab, `window.copied`); got != want {
		t.Errorf("copied %q, want %q", got, want)
	}
}

func TestProbeNow(t *testing.T) {
	s := serve(t, "", withHistory("prod/eu-1", 0, forbidden))
	tab := open(t, s.url, desktop)
	if eval[bool](t, tab, `document.querySelector(".probe") !== null`) {
		t.Error("there is a button although the API is off")
	}
	runNow := func(target string) (<-chan struct{}, bool) {
		done := make(chan struct{})
		go func() {
			s.run(0, healthy)
			close(done)
		}()
		return done, target == "prod/eu-1"
	}
	for _, path := range []string{"/", "/targets/prod%2Feu-1"} {
		s = serveWith(t, runNow, &source{states: []probe.TargetState{withHistory("prod/eu-1", 0, forbidden)}})
		tab = open(t, s.url+path, desktop)
		eventually(t, tab, `document.getElementById("live").textContent === "live"`)
		do(t, tab, chromedp.Evaluate[chromedp.Void](`document.querySelector(".probe button").click()`))
		eventually(t, tab, text+`.includes("Pods can log in")`)
	}
	eventually(t, tab, `document.querySelector(".probe span").textContent === "probed just now" && !document.querySelector(".probe button").disabled`)
}

// What a server says is text, whatever it says.
func TestHostileTexts(t *testing.T) {
	hostile := `<script>window.owned = 1</script><img src=x onerror="window.owned=1">"'&{{.}}` + "\x00\x1b[31m‮" + "hvs." + strings.Repeat(probetest.Mark, 4)
	w := probetest.NewWorld(t)
	w.OnLogin(func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(500)
		body, _ := json.Marshal(map[string]any{"errors": []string{hostile, strings.Repeat("<b>", 1<<18)}})
		_, _ = rw.Write(body)
	})
	r, _ := w.Probe(probe.Memory{})
	r.Diagnosis.Detail += hostile // even if it were not cleaned
	s := serve(t, "", probe.TargetState{Target: r.Target}.After(&r))
	for _, path := range []string{"/", "/targets/default"} {
		tab := open(t, s.url+path, desktop)
		eventually(t, tab, `document.getElementById("live").textContent === "live"`)
		if eval[bool](t, tab, `window.owned === 1 || document.querySelectorAll("main script, main img, main b b").length > 0`) {
			t.Errorf("%s: what the server said became part of the page", path)
		}
		if size := eval[int](t, tab, `document.documentElement.outerHTML.length`); size > 100_000 {
			t.Errorf("%s: the page grew to %d characters", path, size)
		}
	}
}
