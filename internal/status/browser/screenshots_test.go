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
	for name, one := range map[string]struct {
		site *site
		path string
		look look
	}{
		"page":       {serve(t, "", few...), "/", desktop},
		"page-dark":  {serve(t, "", few...), "/", look{width: 1100, dark: true}},
		"page-phone": {serve(t, "", few...), "/", phone},
		"runbook":    {serve(t, "", few...), "/runbooks/reviewer_forbidden?target=production", desktop},
		"healthy":    {serve(t, "", withHistory("production", 0, healthy)), "/", desktop},
		"many":       {serve(t, "", fleet()...), "/", look{width: 1440}},
	} {
		tab := open(t, one.site.url+one.path, one.look)
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
