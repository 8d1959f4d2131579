package diagnose_test

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// FuzzDiagnose checks that Diagnose and Warnings are total and deterministic whatever the evidence
// is, that nothing is healthy without a login, and that what they say is fit to be printed and
// pasted. The bytes choose the evidence, and text is what a server may say.
func FuzzDiagnose(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 64 {
		chosen := make([]byte, 16*i)
		for j := range chosen {
			chosen[j] = byte(random.Uint32())
		}
		f.Add(chosen, "x; reboot #")
	}
	f.Add([]byte{}, "xreboot")
	f.Add([]byte{}, "$(reboot) `reboot` \"; reboot; '")
	f.Fuzz(func(t *testing.T, chosen []byte, text string) {
		if shell.QuoteUntrusted(evidence.Clean(text), "x") != "<x>" { // a name, which runs nothing and may be part of another
			text = strings.ReplaceAll(text, "reboot", "name")
		}
		judge := func() (evidence.Evidence, diagnose.Diagnosis, []diagnose.Warning) {
			a := &probetest.Arbitrary{Bytes: chosen, Texts: []string{text}, Clean: evidence.Clean}
			target := a.Target()
			e := a.Evidence()
			if said := diagnose.SaidOfNothing(target, e); len(said) > 0 {
				t.Errorf("judges of conditions that do not hold say something: %s", said)
			}
			return e, diagnose.Diagnose(target, e), diagnose.Warnings(target, e)
		}
		e, d, warnings := judge()
		again, dAgain, warningsAgain := judge()
		if diff := cmp.Diff([]any{again, dAgain, warningsAgain}, []any{e, d, warnings}); diff != "" {
			t.Errorf("the same evidence is judged differently:\n%s", diff)
		}
		if (d.Reason == diagnose.None) != (e.Login.Ok() && e.Panic == "") {
			t.Errorf("the reason is %s for the login %+v and the panic %q", d.Reason, e.Login, e.Panic)
		}
		checkSaid(t, d.Verdict)
		if d.Reviewer.Reason != "" {
			checkSaid(t, d.Reviewer)
		}
		for _, w := range warnings {
			checkPrintable(t, string(w.Code), append([]string{w.Detail}, w.Notes...)...)
			checkPasted(t, string(w.Code), w.Advice)
		}
	})
}

// checkSaid checks a verdict: its reason is known, it is explained, and it can be printed and
// pasted.
func checkSaid(t *testing.T, v diagnose.Verdict) {
	t.Helper()
	unhealthy := v.Reason != diagnose.None
	if unhealthy && !slices.Contains(diagnose.Reasons(), v.Reason) || v.Certainty != diagnose.Proven && v.Certainty != diagnose.ByElimination {
		t.Errorf("the verdict is %q, %q", v.Reason, v.Certainty)
	}
	if v.Detail == "" || unhealthy && (len(v.Because) == 0 && v.Reason != diagnose.Unexplained || v.Advice.IsEmpty()) {
		t.Errorf("the verdict is not explained: %+v", v)
	}
	checkPrintable(t, string(v.Reason), slices.Concat([]string{v.Detail}, v.Because, v.Notes)...)
	checkPasted(t, string(v.Reason), v.Advice)
}

// maxLine is longer than any text of the exporter's own with some cleaned ones of servers in it.
const maxLine = 16 << 10

func checkPrintable(t *testing.T, of string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if len(text) > maxLine || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || strings.ToValidUTF8(text, "") != text {
			t.Errorf("%s says %q", of, text)
		}
	}
}

// inQuotes matches what a shell takes literally.
var inQuotes = regexp.MustCompile(`'[^']*'|\\.`)

func checkPasted(t *testing.T, of string, a diagnose.Advice) {
	t.Helper()
	for _, line := range slices.Concat(a.CheckLines(), a.Fix) {
		checkPrintable(t, of, line)
		if strings.Contains(inQuotes.ReplaceAllString(line, ""), "reboot") {
			t.Errorf("%s prints a command that runs a server's text: %s", of, line)
		}
	}
}
