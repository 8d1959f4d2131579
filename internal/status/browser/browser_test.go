package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browser is the one that all tests share; nil where there is none.
var browser context.Context

func TestMain(m *testing.M) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			fmt.Fprintln(os.Stderr, "no chromium was found, which CI must have: apt-get install chromium")
			os.Exit(1)
		}
		fmt.Println("no chromium was found: the tests in a browser are left out; apt-get install chromium, then make page-test")
		os.Exit(m.Run())
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true), chromedp.Flag("no-first-run", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	var cancel context.CancelFunc
	browser, cancel = chromedp.NewContext(allocator)
	code := 1
	if err := chromedp.Do(browser); err != nil {
		fmt.Fprintln(os.Stderr, "starting chromium:", err)
	} else {
		code = m.Run()
	}
	cancel()
	stop()
	os.Exit(code)
}

// look is how the page is looked at.
type look struct {
	width    int64
	dark     bool
	noScript bool
}

var desktop = look{width: 1100}

// open shows a page in a tab of its own. What the page logs an error of fails the test.
func open(t *testing.T, url string, l look) context.Context {
	t.Helper()
	if browser == nil {
		t.Skip("no browser")
	}
	tab, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	tab, stop := context.WithTimeout(tab, 60*time.Second)
	t.Cleanup(stop)
	do(t, tab, chromedp.EmulateViewport(l.width, 900))
	listen(t, tab)
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if _, err := chromedp.Call(tab, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: l.noScript}); err != nil {
		t.Fatal(err)
	}
	do(t, tab, chromedp.Navigate(url))
	return tab
}

// listen fails the test on errors in the page's console, such as a violation of the
// Content-Security-Policy.
func listen(t *testing.T, tab context.Context) {
	messages := chromedp.Console(tab)
	var listening sync.WaitGroup
	listening.Go(func() {
		for message, err := range messages {
			if err == nil && tab.Err() == nil && (message.Type == "error" || message.IsException()) && !strings.Contains(message.Text, "ERR_") {
				t.Errorf("the page logs an error: %s", message)
			}
		}
	})
	t.Cleanup(func() {
		_ = chromedp.Cancel(tab)
		listening.Wait()
	})
}

func do(t *testing.T, tab context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(tab, actions...); err != nil {
		t.Fatal(err)
	}
}

func eval[T any](t *testing.T, tab context.Context, expression string) T {
	t.Helper()
	value, err := chromedp.Run(tab, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// eventually waits until an expression is true in the page.
func eventually(t *testing.T, tab context.Context, expression string) {
	t.Helper()
	if err := chromedp.Do(tab, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		t.Fatalf("waiting for %s: %v", expression, err)
	}
}
