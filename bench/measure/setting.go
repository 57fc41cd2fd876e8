package measure

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Setting is the value of a key, such as flv.join, in the configuration that the binary has by default.
func Setting(ctx context.Context, binary, key string) (string, error) {
	cmd := exec.CommandContext(ctx, binary, "config", "print")
	cmd.Env = plainEnv()
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("cannot read the configuration: %w", err)
	}
	var all map[string]any
	if err := yaml.Unmarshal(text, &all); err != nil {
		return "", fmt.Errorf("cannot read the configuration: %w", err)
	}
	var value any = all
	for part := range strings.SplitSeq(key, ".") {
		group, _ := value.(map[string]any)
		value = group[part]
	}
	if value == nil {
		return "", fmt.Errorf("cannot find %s in the configuration", key)
	}
	return fmt.Sprint(value), nil
}
