package main

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// normalize replaces what differs between test runs (addresses, temporary files, times),
// so that reports can be compared.
func normalize(result probe.Result, w *probetest.World) probe.Result {
	names := strings.NewReplacer(
		w.Target.Vault.Addr, "https://vault.example:8200",
		w.Target.Kubernetes.Host, "https://kubernetes.example:6443",
		strings.TrimPrefix(w.Target.Vault.Addr, "https://"), "vault.example:8200",
		strings.TrimPrefix(w.Target.Kubernetes.Host, "https://"), "kubernetes.example:6443",
	)
	replace := func(text string) string {
		text = names.Replace(text)
		for _, one := range replacements {
			text = one.pattern.ReplaceAllString(text, one.with)
		}
		return text
	}
	walk(reflect.ValueOf(&result).Elem(), replace)
	// Many of a world's certificates end in the same second, or in the next one.
	slices.SortStableFunc(result.Expiries, func(a, b diagnose.Expiry) int { return strings.Compare(string(a.What), string(b.What)) })
	return result
}

var replacements = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`/tmp/(?:world\d+|[^ ]*?/\d{3,})/`), "/run/exporter/"},
	{regexp.MustCompile(`open /tmp|read /tmp|/tmp\b`), "/tmp"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d \d\d:\d\d UTC`), "2026-01-02 03:04 UTC"},
	{regexp.MustCompile(`Not After : \w+ +\d+ [0-9:]+ \d+ GMT`), "Not After : Jan  2 03:04:05 2026 GMT"},
	{regexp.MustCompile(`\b\d+(\.\d+)?(ms|µs)\b`), "1ms"},
	{regexp.MustCompile(`(hung for|login took) \S+`), "$1 1ms"},
	{regexp.MustCompile(`(is after|is before|current time) \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "$1 2026-01-02T03:04:05Z"},
	{regexp.MustCompile(`\b(127\.0\.0\.1|localhost):\d+`), "$1:1"},
	{regexp.MustCompile(`(lack the cluster's|the cluster does not have) [\w-]{16}`), "$1 0123456789abcdef"},
	{regexp.MustCompile(`lookup (\S+) on \S+:`), "lookup $1:"},
	{regexp.MustCompile(`lookup (\S+): .*`), "lookup $1: no such host"},
}

var someTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// walk rewrites every text, time and duration within a value.
func walk(v reflect.Value, replace func(string) string) {
	switch value := v.Addr().Interface().(type) {
	case *time.Time:
		if !value.IsZero() {
			*value = someTime
		}
		return
	case *time.Duration:
		if *value > 0 && *value < 30*time.Second {
			*value = time.Millisecond
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(replace(v.String()))
	case reflect.Struct:
		for i := range v.NumField() {
			walk(v.Field(i), replace)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), replace)
		}
	}
}
