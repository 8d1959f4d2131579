package probe

type entry struct {
	party Party
	title string
}

var catalogue = map[Reason]entry{}

// Diagnose judges.
func Diagnose(t Target, e Evidence) Diagnosis { return Diagnosis{} }

func warn(t Target, e Evidence) []Warning { return nil }

func (e Evidence) bareRefusal() bool { return false }

func (e Evidence) leaveAlone() bool { return false }

const textMFARequired = ""

func isPlainHTTP(string) bool { return false }
