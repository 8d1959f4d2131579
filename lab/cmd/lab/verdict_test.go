package main

import "testing"

func TestFormatLogLine(t *testing.T) {
	for line, want := range map[string]string{
		`{"time":"2026-01-02T03:53:08Z","level":"debug","msg":"Verdict changed","reason":"role_missing","component":"role","detail":"no such role","check":["vault read a","# shows nothing"],"fix":["vault write a"]}`: "03:53:08  down  role_missing (role): no such role\n" +
			"          check: vault read a\n                 # shows nothing\n          fix:   vault write a\n",
		`{"time":"2026-01-02T03:53:28Z","level":"debug","msg":"Verdict changed","reason":"none"}`:                      "03:53:28  up\n",
		`{"time":"2026-01-02T03:53:28Z","level":"debug","msg":"Verdict changed","target":"simulated","reason":"none"}`: "03:53:28  simulated  up\n",
		`{"time":"2026-01-02T03:53:28Z","level":"error","msg":"A listener failed","err":"in use"}`:                     "03:53:28  error  A listener failed err=in use\n",
		`{"time":"2026-01-02T03:53:28Z","level":"info","msg":"Starting"}`:                                              "",
		`{"time":"2026-01-02T03:53:08Z","level":"warn","msg":"Incident began","reason":"a"}`:                           "",
		`panic: something`: "panic: something\n",
	} {
		if got := formatLogLine([]byte(line)); got != want {
			t.Errorf("%s:\ngot  %q\nwant %q", line, got, want)
		}
	}
}
