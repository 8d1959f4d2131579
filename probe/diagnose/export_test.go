package diagnose

import "github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"

// SaidOfNothing lists the warnings whose judges say or advise something though their conditions do
// not hold.
func SaidOfNothing(t evidence.Target, e evidence.Evidence) []WarningCode {
	var said []WarningCode
	for _, s := range WarningSpecs() {
		if f, _ := s.judge(t, e); !f.holds && (f.detail != "" || !f.advice.IsEmpty()) {
			said = append(said, s.Code)
		}
	}
	return said
}
