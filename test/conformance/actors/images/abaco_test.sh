# Stand-in for jstubbs/abaco_test and abacosamples/test: shows its message and its environment.
echo "Contents of MSG: $MSG"
sleep "${PAUSE:-2}"
echo "Environment:"
env
ls -a /
