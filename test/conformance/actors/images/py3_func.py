"""Stand-in for abacosamples/py3_func: calls the function that came as a binary message."""
import cloudpickle
from agavepy.actors import get_binary_message, send_python_result

call = cloudpickle.loads(get_binary_message())
send_python_result(call['func'](*call['args'], **call['kwargs']))
