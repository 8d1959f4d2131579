package diagnose

import (
	"os/exec"
	"testing"
)

func TestQuoting(t *testing.T) {
	for value, want := range map[string]string{
		"vault-auth":         "'vault-auth'",
		"a:b/c@d.e_f":        "'a:b/c@d.e_f'",
		"x'; rm -rf ~; '":    "<name>",
		"$(reboot)":          "<name>",
		"two words":          "<name>",
		"":                   "<name>",
		"line\nbreak":        "<name>",
		"trailing newline\n": "<name>",
	} {
		if got := quoteUntrusted(value, "name"); got != want {
			t.Errorf("quoteUntrusted(%q) = %s, want %s", value, got, want)
		}
	}
}

// What own quotes is, for a shell, one word with the value itself.
func TestOwnSurvivesTheShell(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"plain", "two words", "it's", `$HOME "x" \ ;&|`, "*", ""} {
		out, err := exec.Command(shell, "-c", "printf %s "+quoteTrusted(value)).Output()
		if err != nil || string(out) != value {
			t.Errorf("quoteTrusted(%q) = %s reads as %q (%v)", value, quoteTrusted(value), out, err)
		}
	}
}
