package status_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
)

// The page and the API say until when a target is in maintenance, with and without a run.
func TestMaintenance(t *testing.T) {
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	f := open(t, status.Options{Maintenance: func(target string, at time.Time) maintenance.Active {
		if target == "c" {
			return maintenance.Active{}
		}
		return maintenance.Windows{{Begin: until.Add(-2 * time.Hour), End: until, Comment: "upgrade <of> Vault"}}.At(at)
	}}, "a", "b", "c")
	f.ran("a", time.Now(), diagnose.VaultSealed)
	f.ran("c", time.Now(), diagnose.None)
	for path, want := range map[string]int{"/": 2, "/targets/a": 1, "/targets/b": 1, "/targets/c": 0} {
		_, page := f.do("GET", path)
		if got := strings.Count(page, until.Format("2006-01-02 15:04:05 UTC")); got != want || want > 0 && !strings.Contains(page, "upgrade &lt;of&gt; Vault") {
			t.Errorf("%s names the end %d times, want %d:\n%s", path, got, want, page)
		}
	}
	_, body := f.do("GET", "/api/v1/status")
	var all struct {
		Targets []struct {
			Target      string
			Maintenance *status.Maintenance
		}
	}
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		t.Fatal(err)
	}
	for _, one := range all.Targets {
		if planned := one.Maintenance != nil; planned != (one.Target != "c") || planned && (!one.Maintenance.Until.Equal(until) || one.Maintenance.Comment != "upgrade <of> Vault") {
			t.Errorf("%s: %+v", one.Target, one.Maintenance)
		}
	}
}
