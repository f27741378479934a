package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// network is what this plugin reads of its configuration.
type network struct {
	Version  string          `json:"cniVersion"`
	Socket   string          `json:"socket"`
	Previous json.RawMessage `json:"prevResult"`
}

// isolatePod is the last plugin of a pod's network (CNI, chained): no process of the pod runs before it has ended, and
// it ends when policies hold for the pod. So a pod cannot be faster than its isolation.
func isolatePod() error {
	command := os.Getenv("CNI_COMMAND")
	if command == "VERSION" {
		fmt.Println(`{"cniVersion": "0.4.0", "supportedVersions": ["0.3.0", "0.3.1", "0.4.0"]}`)
		return nil
	}
	var config network
	if err := json.NewDecoder(os.Stdin).Decode(&config); err != nil {
		return err
	}
	var err error
	switch command {
	case "ADD":
		err = tell(config, false)
	case "DEL":
		_ = tell(config, true) // what is not forgotten is replaced by the next pod of this name
	}
	if err != nil {
		complaint := map[string]any{"cniVersion": config.Version, "code": 11, "msg": err.Error()} // 11: try again later
		encoded, _ := json.Marshal(complaint)
		fmt.Println(string(encoded))
		return err
	}
	if command == "ADD" {
		fmt.Println(string(config.Previous))
	}
	return nil
}

func tell(config network, gone bool) error {
	told := sandbox{Container: os.Getenv("CNI_CONTAINERID"), Pod: podName(os.Getenv("CNI_ARGS")), Gone: gone}
	if !gone {
		addresses, err := addressesOf(config.Previous)
		if err != nil {
			return err
		}
		told.Addresses = addresses
	}
	connection, err := net.DialTimeout("unix", config.Socket, patience)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		return err
	}
	if err := json.NewEncoder(connection).Encode(told); err != nil {
		return err
	}
	if answer, err := bufio.NewReader(connection).ReadString('\n'); err != nil || answer != told.Container+"\n" {
		return fmt.Errorf("no policies are in force for %s: %q, %v", told.Pod, answer, err)
	}
	return nil
}

// podName is the pod as <namespace>/<name> in arguments of the form key=value;key=value.
func podName(arguments string) string {
	values := map[string]string{}
	for _, each := range strings.Split(arguments, ";") {
		key, value, _ := strings.Cut(each, "=")
		values[key] = value
	}
	return values["K8S_POD_NAMESPACE"] + "/" + values["K8S_POD_NAME"]
}

// addressesOf are the addresses without the lengths of their prefixes.
func addressesOf(result []byte) ([]string, error) {
	var parsed struct {
		Addresses []struct {
			Address string `json:"address"`
		} `json:"ips"`
	}
	if err := json.Unmarshal(result, &parsed); err != nil {
		return nil, err
	}
	var found []string
	for _, each := range parsed.Addresses {
		address, _, _ := strings.Cut(each.Address, "/")
		found = append(found, address)
	}
	return found, nil
}
