package v4

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseRates reads rates of commands, each written as service/command=N.
func ParseRates(list []string) (map[string]int, error) {
	rates := make(map[string]int, len(list))
	for _, text := range list {
		name, number, _ := strings.Cut(text, "=")
		n, err := strconv.Atoi(number)
		service, command, _ := strings.Cut(name, "/")
		switch _, known := find(service, command); {
		case err != nil || n < 0:
			return nil, fmt.Errorf("cannot read %q: it is not SERVICE/COMMAND=N", text)
		case known == nil:
			return nil, fmt.Errorf("cannot limit %q: there is no such command", name)
		}
		rates[name] = n
	}
	return rates, nil
}
