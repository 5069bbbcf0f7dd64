import ArgumentParser
import Logging
import ServiceLifecycle

print(1)
