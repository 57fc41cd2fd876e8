package measure

import (
	"bufio"
	"bytes"
	"os"
	"runtime"
	"strings"
)

// Machine is where a run took place.
type Machine struct {
	OS     string `json:"os"` // with the architecture
	Kernel string `json:"kernel"`
	CPU    string `json:"cpu"` // its model
	CPUs   int    `json:"cpus"`
	Go     string `json:"go"`
}

// ThisMachine is the machine that the program runs on. What cannot be read is empty.
func ThisMachine() Machine {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	cpus, _ := os.ReadFile("/proc/cpuinfo")
	return Machine{
		OS: runtime.GOOS + "/" + runtime.GOARCH, Kernel: strings.TrimSpace(string(kernel)), CPU: model(cpus),
		CPUs: runtime.NumCPU(), Go: runtime.Version(),
	}
}

// model is the name of the first CPU in the text of /proc/cpuinfo.
func model(cpuinfo []byte) string {
	for lines := bufio.NewScanner(bytes.NewReader(cpuinfo)); lines.Scan(); {
		if name, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
