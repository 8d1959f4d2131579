package shell

import (
	"os/exec"
	"testing"
)

func TestQuoting(t *testing.T) {
	for value, want := range map[string]string{
		"vault-auth":          "'vault-auth'",
		"a:b/c@d.e_f":         "'a:b/c@d.e_f'",
		"https://a.b#c|1":     "'https://a.b#c|1'",
		"x'; rm -rf ~; '":     "<name>",
		"$(reboot)":           "<name>",
		"two words":           "<name>",
		"":                    "<name>",
		"@/root/.vault-token": "<name>", // the vault CLI would read the file
		"-":                   "<name>", // and standard input
		"line\nbreak":         "<name>",
		"trailing newline\n":  "<name>",
	} {
		if got := QuoteUntrusted(value, "name"); got != want {
			t.Errorf("QuoteUntrusted(%q) = %s, want %s", value, got, want)
		}
	}
}

// A shell reads the result of Quote as one word, equal to the value.
func TestQuotedValueSurvivesTheShell(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"plain", "two words", "it's", `$HOME "x" \ ;&|`, "*", ""} {
		out, err := exec.Command(shell, "-c", "printf %s "+Quote(value)).Output()
		if err != nil || string(out) != value {
			t.Errorf("Quote(%q) = %s reads as %q (%v)", value, Quote(value), out, err)
		}
	}
}
