package soak

import (
	"errors"
	"fmt"
)

// A usage is what a process takes while all is well.
type usage struct {
	processStart          float64
	goroutines, files, MB float64
}

func usageOf(e exposition) usage {
	return usage{e.processStart(), e.sum("go_goroutines"), e.sum("process_open_fds"), e.sum("process_resident_memory_bytes") / (1 << 20)}
}

func (u usage) String() string {
	return fmt.Sprintf("%.0f goroutines, %.0f descriptors, %.1f MiB", u.goroutines, u.files, u.MB)
}

// What may come and go between two quiet moments: the runs and scrapes of that moment, and what the garbage collector
// has not returned. The budget of a process is 26 MiB.
const (
	spareGoroutines = 12
	spareFiles      = 12
	spareMB         = 20
)

// judgeGrowth returns an error if a process takes more in a quiet moment than in an earlier one.
func judgeGrowth(before, after usage) error {
	if before.processStart != after.processStart {
		return nil
	}
	var errs []error
	for _, what := range []struct {
		name                 string
		before, after, spare float64
	}{
		{"goroutines", before.goroutines, after.goroutines, spareGoroutines},
		{"descriptors", before.files, after.files, spareFiles},
		{"MiB of resident memory", before.MB, after.MB, spareMB},
	} {
		if what.after > what.before+what.spare {
			errs = append(errs, fmt.Errorf("the exporter had %.0f %s when all was well first, and has %.0f now", what.before, what.name, what.after))
		}
	}
	return errors.Join(errs...)
}
