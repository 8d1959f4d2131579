package browser

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

var screenshots = flag.String("screenshots", "", "write pictures of the page to this folder")

// TestScreenshots makes the pictures of the documentation.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		return
	}
	few := []probe.TargetState{withHistory("production", 0, forbidden), withHistory("staging", 0, warned), withHistory("disaster-recovery", 0, healthy), withHistory("build", 0, withoutCanary)}
	phone := look{width: 390}
	inventory, logins := shopLogins()
	for name, one := range map[string]struct {
		url  string
		path string
		look look
	}{
		"page":       {serve(t, "", few...).url, "/", desktop},
		"page-dark":  {serve(t, "", few...).url, "/", look{width: 1100, dark: true}},
		"page-phone": {serve(t, "", few...).url, "/", phone},
		"runbook":    {serve(t, "", few...).url, "/runbooks/reviewer_forbidden?target=production", desktop},
		"healthy":    {serve(t, "", withHistory("production", 0, healthy)).url, "/", desktop},
		"many":       {serve(t, "", fleet()...).url, "/", look{width: 1440}},
		"workloads":  {serveWorkloads(t, inventory, logins), "/workloads", desktop},
	} {
		tab := open(t, one.url+one.path, one.look)
		if name == "workloads" { // with the first fix
			do(t, tab, chromedp.Evaluate[chromedp.Void](`document.querySelector(".login details").open = true`))
		}
		capture := chromedp.FullScreenshot(100)
		if name == "many" {
			capture = chromedp.CaptureScreenshot()
		}
		picture, err := chromedp.Run(tab, capture)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
