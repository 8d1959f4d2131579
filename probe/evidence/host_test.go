package evidence

import "testing"

func TestSameHost(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"https://api.example:443/", "HTTPS://API.example.", true},
		{"https://kubernetes", "https://kubernetes.default.svc.cluster.local:443", true},
		{"https://[fd00:10:96::1]:443", "https://[FD00:10:96:0:0:0:0:1]", true},
		{"https://[fd00:10:96::1]", "https://[fd00:10:96::2]", false},
		{"https://10.0.0.1", "https://10.0.0.1:6443", false},
		{"https://api.example", "http://api.example", false},
		{"https://api.example/k8s/a", "https://api.example/k8s/b", false},
	} {
		if got := SameHost(test.a, test.b); got != test.same {
			t.Errorf("SameHost(%q, %q) = %t", test.a, test.b, got)
		}
	}
}
