package lab

import (
	"fmt"
	"regexp"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"
)

// SpeedUp divides every duration in a Prometheus rules file or an Alertmanager configuration by factor, so that tests
// and demos need not wait as long as production: the ranges in expressions, for and keep_firing_for, and the intervals
// of routes. Results are whole seconds, at least one; 0 stays 0.
func SpeedUp(config []byte, factor int) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(config, &document); err != nil {
		return nil, err
	}
	if err := divideDurations(&document, factor); err != nil {
		return nil, err
	}
	return yaml.Marshal(&document)
}

func divideDurations(node *yaml.Node, factor int) error {
	for i, child := range node.Content {
		if node.Kind != yaml.MappingNode || i%2 == 0 {
			if err := divideDurations(child, factor); err != nil {
				return err
			}
			continue
		}
		switch key := node.Content[i-1].Value; key {
		case "expr":
			var err error
			child.Value = rangeSelector.ReplaceAllStringFunc(child.Value, func(text string) string {
				divided, parseErr := divideDuration(text[1:len(text)-1], factor)
				if parseErr != nil {
					err = parseErr
				}
				return "[" + divided + "]"
			})
			if err != nil {
				return err
			}
		case "for", "keep_firing_for", "interval", "group_wait", "group_interval", "repeat_interval":
			divided, err := divideDuration(child.Value, factor)
			if err != nil {
				return fmt.Errorf("line %d: %s: %w", child.Line, key, err)
			}
			child.Value = divided
		default:
			if err := divideDurations(child, factor); err != nil {
				return err
			}
		}
	}
	return nil
}

var rangeSelector = regexp.MustCompile(`\[[0-9smhdwy]+\]`)

func divideDuration(text string, factor int) (string, error) {
	duration, err := model.ParseDuration(text)
	if err != nil || duration == 0 {
		return text, err
	}
	shorter := max(time.Second, (time.Duration(duration) / time.Duration(factor)).Round(time.Second))
	return model.Duration(shorter).String(), nil
}
