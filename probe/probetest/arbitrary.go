package probetest

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Arbitrary makes values from bytes, such as those of a fuzzer: the same bytes make the same
// values, and no bytes make zero values. Strings are what servers say, or one of Texts.
type Arbitrary struct {
	Bytes []byte
	Texts []string
	// Clean is applied to texts as package gather applies it: to all but the audiences of
	// tokens, which are compared. Nil leaves them as they are.
	Clean func(string) string
}

// Evidence returns evidence that no run needs to be able to produce.
func (a *Arbitrary) Evidence() evidence.Evidence {
	var e evidence.Evidence
	a.fill(reflect.ValueOf(&e).Elem())
	e.At = runTime
	if a.Choose(2) == 1 {
		e.Health.Value.Skew = -e.Health.Value.Skew
	}
	return e
}

// Target returns a target that configuration accepts.
func (a *Arbitrary) Target() evidence.Target {
	t := evidence.Target{
		Name: "default", Interval: time.Minute, Timeout: 15 * time.Second, Recheck: 10 * time.Second, FollowUps: true,
		Vault:      evidence.Vault{Addr: "https://vault.example:8200", Mount: oneOf(a, "kubernetes", "clusters/a b"), Role: oneOf(a, "canary", "it's")},
		Kubernetes: evidence.Kubernetes{Host: "https://kubernetes.example:6443"},
		Reviewer:   evidence.Origin{Source: oneOf(a, sourceNames...), TokenFile: "/reviewer/token"},
		Canary:     evidence.Origin{Source: evidence.SourceFile, TokenFile: "/canary/token"},
	}
	if a.Choose(2) == 1 {
		t.Vault.Namespace, t.Vault.DiagnosticRole, t.Canary.Audiences = "team-a/", "diagnostic", []string{"vault"}
	}
	t.Reviewer.ServiceAccount = evidence.ServiceAccount{Namespace: "vault", Name: "vault-auth"}
	t.Reviewer.Secret = evidence.SecretKey{Namespace: "vault", Name: "vault-auth-token", Key: "token"}
	return t
}

// Result returns a run with arbitrary evidence, judged.
func (a *Arbitrary) Result() probe.Result {
	t, e := a.Target(), a.Evidence()
	return probe.Result{
		Target: t, Start: e.At, Since: e.At.Add(-time.Hour), Duration: oneOf(a, durations...),
		Evidence: e, Diagnosis: diagnose.Diagnose(t, e), Warnings: diagnose.Warnings(t, e), ConsecutiveFailures: a.Choose(256),
	}
}

// Fill sets what a pointer points to.
func (a *Arbitrary) Fill(pointer any) { a.fill(reflect.ValueOf(pointer).Elem()) }

// Choose returns a number from 0 to below n, which is at most 256.
func (a *Arbitrary) Choose(n int) int {
	if len(a.Bytes) == 0 {
		return 0
	}
	chosen := int(a.Bytes[0]) % n
	a.Bytes = a.Bytes[1:]
	return chosen
}

func oneOf[T any](a *Arbitrary, values ...T) T { return values[a.Choose(len(values))] }

func (a *Arbitrary) fill(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(oneOf(a, times...)))
		return
	case time.Duration:
		v.Set(reflect.ValueOf(oneOf(a, durations...)))
		return
	case evidence.State:
		v.SetUint(uint64(a.Choose(3)))
		return
	case evidence.Class:
		v.SetString(string(oneOf(a, classes...)))
		return
	case evidence.Claims:
		claims := v.Addr().Interface().(*evidence.Claims)
		a.fillStruct(v)
		for i := range claims.Audiences {
			claims.Audiences[i] = a.text()
		}
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(a.Choose(2) == 1)
	case reflect.Int:
		v.SetInt(int64(oneOf(a, statuses...)))
	case reflect.String:
		text := a.text()
		if a.Clean != nil {
			text = a.Clean(text)
		}
		v.SetString(text)
	case reflect.Struct:
		a.fillStruct(v)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), a.Choose(3), 3))
		for i := range v.Len() {
			a.fill(v.Index(i))
		}
	case reflect.Pointer:
		if a.Choose(2) == 1 {
			v.Set(reflect.New(v.Type().Elem()))
			a.fill(v.Elem())
		}
	default:
		panic("no arbitrary " + v.Type().String())
	}
}

func (a *Arbitrary) fillStruct(v reflect.Value) {
	for _, field := range v.Fields() {
		a.fill(field)
	}
}

// text returns a text as encoding/json decodes it, which is valid UTF-8.
func (a *Arbitrary) text() string {
	texts := serverTexts
	if len(a.Texts) > 0 && a.Choose(3) == 1 {
		texts = a.Texts
	}
	return strings.ToValidUTF8(oneOf(a, texts...), "\ufffd")
}

// runTime is when arbitrary runs begin.
var runTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// times has some that neither JSON nor RFC 3339 can express: a token may name any.
var times = []time.Time{
	{}, runTime, runTime.Add(-time.Hour), runTime.Add(time.Hour), runTime.Add(-30 * time.Second), runTime.Add(2000 * time.Hour), time.Unix(0, 0), time.Unix(-1, 0),
	time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Unix(math.MaxInt64/2, 0), time.Unix(math.MinInt64/2, 0),
}

var durations = []time.Duration{0, time.Millisecond, time.Second, 15 * time.Second, time.Hour, 2000 * time.Hour, math.MaxInt64 / 4}

var statuses = []int{0, 200, 201, 204, 301, 307, 400, 401, 403, 404, 405, 407, 412, 418, 429, 472, 473, 500, 502, 503, 504, 530}

var classes = []evidence.Class{
	"", evidence.ClassRefused, evidence.ClassRefused, evidence.ClassDNS, evidence.ClassUnreachable, evidence.ClassTimeout, evidence.ClassCanceled, evidence.ClassTLSUntrusted,
	evidence.ClassTLSExpired, evidence.ClassTLSName, evidence.ClassTLSFailed, evidence.ClassRedirect, evidence.ClassBadResponse, evidence.ClassForbidden, evidence.ClassMissing,
	evidence.ClassMalformed, evidence.ClassCAUnreadable, evidence.ClassResources, evidence.ClassProxyUnreachable, evidence.ClassProxyRefused,
}

var sourceNames = []evidence.SourceName{
	evidence.SourceFile, evidence.SourceSecret, evidence.SourceServiceAccount, evidence.SourceAccessReview, evidence.SourceCanary,
}

// serverTexts are what rules look for in texts of servers, and names.
var serverTexts = slices.Concat([]string{
	"", evidence.TextBare403, evidence.TextBare403, `invalid role name "canary"`, evidence.TextNoRoute, evidence.TextExpired, evidence.TextSealed, evidence.TextOverloaded,
	evidence.TextThrottled, evidence.TextPlainHTTP, evidence.TextMFARequired, evidence.TextNamespace,
	evidence.TextNamespace + ` err=namespaces "monitoring" is forbidden: User "system:serviceaccount:vault:vault-auth" cannot get resource "namespaces"`,
	evidence.TextNamespace + ` err=Get "https://10.0.0.1:6443/api/v1/namespaces/monitoring": dial tcp: lookup kubernetes: no such host`,
	evidence.TextNamespace + " err=Unauthorized", "[invalid bearer token, service account token has expired]", "invalid bearer token",
	`tokenreviews.authentication.k8s.io is forbidden: User "system:serviceaccount:vault:vault-auth" cannot create resource "tokenreviews"`,
	"system:serviceaccount:vault:vault-auth", "system:serviceaccount:monitoring:canary", "system:anonymous", "monitoring", "canary", "kubernetes", "1.21.4", "1.10.3",
	"https://kubernetes.example:6443", "help", "service", "batch", "unexpected EOF",
}, strings.Split("two\nlines,\x1b[31mred\x1b[0m,</script><script>x</script>,$(reboot),a'b\"c,\u202egnp.exe,\xff\xfe", ","))
