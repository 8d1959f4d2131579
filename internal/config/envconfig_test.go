package config

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kelseyhightower/envconfig"
)

// The traps of envconfig that this package is built around. Where one of these
// fails after an upgrade, a precaution may have become needless, or false.
func TestTrapsOfEnvconfig(t *testing.T) {
	t.Run("a parse error prints the value", func(t *testing.T) {
		t.Setenv("TRAP_WAIT", "hunter2")
		err := envconfig.Process("trap", &struct{ Wait time.Duration }{})
		if err == nil || !strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("it stops at the first error", func(t *testing.T) {
		t.Setenv("TRAP_A", "x")
		t.Setenv("TRAP_B", "y")
		err := envconfig.Process("trap", &struct{ A, B int }{})
		if err == nil || strings.Contains(err.Error(), "TRAP_B") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a map splits a URL", func(t *testing.T) {
		t.Setenv("TRAP_URLS", "a:https://vault")
		if err := envconfig.Process("trap", &struct{ URLs map[string]string }{}); err == nil {
			t.Error("a URL went into a map")
		}
	})
	t.Run("required takes an empty variable", func(t *testing.T) {
		t.Setenv("TRAP_ROLE", "")
		var got struct {
			Role string `required:"true"`
		}
		if err := envconfig.Process("trap", &got); err != nil {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an empty variable hides the default", func(t *testing.T) {
		t.Setenv("TRAP_MOUNT", "")
		var got struct {
			Mount string `default:"kubernetes"`
		}
		if err := envconfig.Process("trap", &got); err != nil || got.Mount != "" {
			t.Errorf("got %q, %v", got.Mount, err)
		}
	})
	t.Run("an empty variable is not a duration", func(t *testing.T) {
		t.Setenv("TRAP_WAIT", "")
		if err := envconfig.Process("trap", &struct{ Wait time.Duration }{}); err == nil {
			t.Error("an empty variable is a duration")
		}
	})
	t.Run("a tag looks up the name without prefix", func(t *testing.T) {
		t.Setenv("SOME_ADDR", "ambient")
		var tagged struct {
			Addr string `envconfig:"SOME_ADDR"`
		}
		var split struct {
			SomeAddr string `split_words:"true"`
		}
		if err := envconfig.Process("trap", &tagged); err != nil || tagged.Addr != "ambient" {
			t.Errorf("with a tag: %q, %v", tagged.Addr, err)
		}
		if err := envconfig.Process("trap", &split); err != nil || split.SomeAddr != "" {
			t.Errorf("without: %q, %v", split.SomeAddr, err)
		}
	})
	t.Run("an empty prefixed variable hides the name without prefix", func(t *testing.T) {
		t.Setenv("SOME_ADDR", "ambient")
		t.Setenv("TRAP_SOME_ADDR", "")
		var got struct {
			Addr string `envconfig:"SOME_ADDR"`
		}
		if err := envconfig.Process("trap", &got); err != nil || got.Addr != "" {
			t.Errorf("got %q, %v", got.Addr, err)
		}
	})
	t.Run("a service link is disallowed", func(t *testing.T) {
		t.Setenv("TRAP_SERVICE_HOST", "10.0.0.1")
		if err := envconfig.CheckDisallowed("trap", &struct{ Addr string }{}); err == nil {
			t.Error("a service link is allowed")
		}
	})
}

// Every variable fills the field of its key alone, and only four names count without
// the prefix.
func TestEveryVariableFillsItsField(t *testing.T) {
	for _, s := range specs {
		if got := filledBy(t, s.name()); got != s.key {
			t.Errorf("%s fills %q, want %q", s.name(), got, s.key)
		}
		want := slices.Contains([]string{"VAULT_ADDR", "VAULT_CACERT", "VAULT_TLS_SERVER_NAME", "VAULT_NAMESPACE"}, s.key)
		if got := filledBy(t, s.key) != ""; got != want {
			t.Errorf("%s without prefix counts: %v, want %v", s.key, got, want)
		}
	}
}

// filledBy returns the keys that a variable fills.
func filledBy(t *testing.T, variable string) (keys string) {
	t.Helper()
	t.Run(variable, func(t *testing.T) {
		given(t, vars{variable: "marked"})
		env, _ := readEnvironment()
		for key, value := range env.values {
			if value == "marked" {
				keys += key
			}
		}
	})
	return keys
}
