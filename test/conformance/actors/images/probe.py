"""Does what its message says, for what no sample shows: results, exit codes, output, calls of the API."""
import json
import os
import socket
import sys
import time

from agavepy.actors import get_binary_message, get_context

context = get_context()
message = context.message_dict


def send(data):
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.connect('/_abaco_results.sock')
    sender.send(data)


for size in message.get('results', []):
    send(bytes([size % 251]) * size)
for text in message.get('texts', []):
    send(text.encode())
if message.get('who'):
    print(json.dumps({'uid': os.getuid(), 'gid': os.getgid()}))
if message.get('limits'):
    for name in ('memory.max', 'cpu.max', 'memory/memory.limit_in_bytes', 'cpu/cpu.cfs_quota_us'):
        try:
            print(name, open('/sys/fs/cgroup/' + name).read().strip())
        except OSError:
            pass
if message.get('binary'):
    data = get_binary_message()
    print(len(data), data[:20])
if message.get('read'):
    print(open(message['read']).read())
if message.get('write'):
    open(message['write'], 'w').write('written')
if message.get('print'):
    sys.stdout.write('x' * int(message['print']))
if message.get('stderr'):
    sys.stderr.write(message['stderr'])
if message.get('get'):
    import requests

    for path in message['get']:
        reply = requests.get(context['_abaco_api_server'] + path, headers=message.get('headers'), verify=False, timeout=20)
        print(path, reply.status_code, reply.text[:2000])
if message.get('sleep'):
    time.sleep(float(message['sleep']))
sys.exit(int(message.get('exit', 0)))
