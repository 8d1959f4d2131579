package config

import (
	"fmt"
	"io"
)

// Write prints the configuration as lines VARIABLE=value, which can be sourced by
// a shell or given to a container as they are and resolve to the same again. An
// empty value is an unset variable. No value needs quotes.
func (c Config) Write(w io.Writer) error {
	for _, v := range targetVariables {
		if len(c.Targets) == 0 {
			break
		}
		if err := writeLine(w, v.name, v.value(c.Targets[0])); err != nil {
			return err
		}
	}
	for _, v := range processVariables {
		if err := writeLine(w, v.name, v.value(c)); err != nil {
			return err
		}
	}
	return nil
}

func writeLine(w io.Writer, name, value string) error {
	if _, err := fmt.Fprintf(w, "%s=%s\n", name, value); err != nil {
		return fmt.Errorf("writing configuration: %w", err)
	}
	return nil
}
