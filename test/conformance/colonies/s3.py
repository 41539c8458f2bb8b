"""What boto3 does against the S3 endpoint. Arguments: port, access key, secret key; then unittest's."""

import hashlib
import io
import os
import socket
import sys
import threading
import unittest
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

resolve = socket.getaddrinfo
# Names below localhost are this machine, by their standard; not every resolver knows.
socket.getaddrinfo = lambda host, *more, **named: resolve('127.0.0.1' if str(host).endswith('.localhost') else host, *more, **named)

PORT, ACCESS, SECRET = int(sys.argv[1]), sys.argv[2], sys.argv[3]
MIB = 1024 * 1024
ODD_KEYS = [
    '..', '../up', 'a/../b', './here', 'double//slash', 'trailing/', 'with blank', 'plus+and%percent', 'question?mark#hash',
    'ümlaut/日本語/🎬', "quote'\"<&>", 'star*(paren)!', 'tilde~', 'colon:semi;comma,', 'back\\slash', 'equals=&amp', 'control\x01\ttab',
    'x' * 1024, 'é' * 512,
]


def client(host='127.0.0.1', **config):
    config.setdefault('s3', {'addressing_style': 'path'})
    return boto3.client(
        's3', endpoint_url=f'http://{host}:{PORT}', aws_access_key_id=ACCESS, aws_secret_access_key=SECRET, region_name='us-east-1',
        config=Config(retries={'max_attempts': 1}, **config))


class S3Tests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s3 = client()
        try:
            cls.s3.create_bucket(Bucket='boto')
        except ClientError as error:
            assert error.response['Error']['Code'] == 'BucketAlreadyOwnedByYou'

    def refused(self, code, call, **arguments):
        with self.assertRaises(ClientError) as raised:
            call(**arguments)
        self.assertEqual(raised.exception.response['Error']['Code'], code)

    def read(self, key, **more):
        return self.s3.get_object(Bucket='boto', Key=key, **more)['Body'].read()

    def test_buckets(self):
        self.refused('404', self.s3.head_bucket, Bucket='missing')
        self.refused('NoSuchBucket', self.s3.list_objects_v2, Bucket='missing')
        self.refused('BucketAlreadyOwnedByYou', self.s3.create_bucket, Bucket='boto')
        self.s3.create_bucket(Bucket='second')
        names = [bucket['Name'] for bucket in self.s3.list_buckets()['Buckets']]
        self.assertIn('second', names)
        self.assertEqual(self.s3.get_bucket_location(Bucket='second')['LocationConstraint'], None)
        self.s3.put_object(Bucket='second', Key='a', Body=b'1')
        self.refused('BucketNotEmpty', self.s3.delete_bucket, Bucket='second')
        self.s3.delete_object(Bucket='second', Key='a')
        self.s3.delete_bucket(Bucket='second')
        self.refused('404', self.s3.head_bucket, Bucket='second')

    def test_odd_keys(self):
        for number, key in enumerate(ODD_KEYS):
            with self.subTest(key=key):
                body = f'odd {number}'.encode()
                self.s3.put_object(Bucket='boto', Key=key, Body=body)
                self.assertEqual(self.read(key), body)
                self.assertEqual(self.s3.head_object(Bucket='boto', Key=key)['ContentLength'], len(body))
        listed = [each['Key'] for each in self.s3.list_objects_v2(Bucket='boto')['Contents']]
        for key in ODD_KEYS:
            self.assertIn(key, listed)
        self.refused('KeyTooLongError', self.s3.put_object, Bucket='boto', Key='x' * 1025, Body=b'')
        # boto3 cannot read a reply that names it: no XML can.
        control = next(key for key in ODD_KEYS if '\x01' in key)
        self.s3.delete_object(Bucket='boto', Key=control)
        named = [key for key in ODD_KEYS if key != control]
        deleted = self.s3.delete_objects(Bucket='boto', Delete={'Objects': [{'Key': key} for key in named]})
        self.assertEqual(sorted(each['Key'] for each in deleted['Deleted']), sorted(named))
        self.assertFalse(set(ODD_KEYS) & {each['Key'] for each in self.s3.list_objects_v2(Bucket='boto').get('Contents', [])})
        self.refused('NoSuchKey', self.s3.get_object, Bucket='boto', Key='..')

    def test_checksums_of_all_algorithms(self):
        body = os.urandom(300_000)
        for algorithm in ['CRC32', 'SHA1', 'SHA256']:
            with self.subTest(algorithm=algorithm):
                put = self.s3.put_object(Bucket='boto', Key='sum', Body=body, ChecksumAlgorithm=algorithm)
                got = self.s3.get_object(Bucket='boto', Key='sum', ChecksumMode='ENABLED')
                self.assertEqual(got['Body'].read(), body)
                self.assertEqual(got['Checksum' + algorithm], put['Checksum' + algorithm])
        self.refused('BadDigest', self.s3.put_object, Bucket='boto', Key='bad', Body=body, ChecksumSHA256='A' * 43 + '=')
        self.refused('BadDigest', self.s3.put_object, Bucket='boto', Key='bad', Body=body, ContentMD5='A' * 22 + '==')
        self.refused('404', self.s3.head_object, Bucket='boto', Key='bad')

    def test_a_stream_is_sent_in_chunks_with_a_trailer(self):
        seen = []
        s3 = client()
        s3.meta.events.register('before-send.s3.PutObject', lambda request, **_: seen.append(request.headers))
        body = os.urandom(5 * MIB + 17)
        s3.put_object(Bucket='boto', Key='stream', Body=io.BytesIO(body), ChecksumAlgorithm='CRC32')
        self.assertEqual(self.read('stream'), body)
        self.assertEqual(len(seen), 1)

    def test_unsigned_and_signed_payloads(self):
        for signed in [True, False]:
            s3 = client(s3={'addressing_style': 'path', 'payload_signing_enabled': signed}, request_checksum_calculation='when_required')
            s3.put_object(Bucket='boto', Key='signed', Body=b'payload')
            self.assertEqual(self.read('signed'), b'payload')

    def test_metadata_and_headers(self):
        self.s3.put_object(Bucket='boto', Key='meta', Body=b'1', Metadata={'frame': '7', 'blank': 'a  b'}, ContentType='text/plain',
                           ContentDisposition='attachment; filename="a b.txt"', CacheControl='max-age=5', ContentEncoding='gzip')
        head = self.s3.head_object(Bucket='boto', Key='meta')
        self.assertEqual(head['Metadata'], {'frame': '7', 'blank': 'a  b'})
        self.assertEqual((head['ContentType'], head['CacheControl'], head['ContentEncoding']), ('text/plain', 'max-age=5', 'gzip'))
        self.assertEqual(head['ETag'], '"%s"' % hashlib.md5(b'1').hexdigest())
        self.refused('MetadataTooLarge', self.s3.put_object, Bucket='boto', Key='meta', Body=b'', Metadata={'much': 'x' * 3000})

    def test_ranges_and_conditions(self):
        put = self.s3.put_object(Bucket='boto', Key='cond', Body=b'0123456789')
        self.assertEqual(self.read('cond', Range='bytes=2-4'), b'234')
        self.refused('InvalidRange', self.s3.get_object, Bucket='boto', Key='cond', Range='bytes=99-')
        self.refused('304', self.s3.get_object, Bucket='boto', Key='cond', IfNoneMatch=put['ETag'])
        self.refused('PreconditionFailed', self.s3.get_object, Bucket='boto', Key='cond', IfMatch='"other"')
        self.assertEqual(self.read('cond', IfMatch=put['ETag']), b'0123456789')
        self.refused('PreconditionFailed', self.s3.put_object, Bucket='boto', Key='cond', Body=b'', IfNoneMatch='*')
        self.refused('PreconditionFailed', self.s3.put_object, Bucket='boto', Key='cond', Body=b'', IfMatch='"other"')
        self.s3.put_object(Bucket='boto', Key='cond', Body=b'new', IfMatch=put['ETag'])
        self.assertEqual(self.read('cond'), b'new')

    def test_one_of_many_wins_a_new_key(self):
        def attempt(number):
            try:
                client().put_object(Bucket='boto', Key='first-wins', Body=str(number).encode(), IfNoneMatch='*')
                return number
            except ClientError as error:
                self.assertEqual(error.response['Error']['Code'], 'PreconditionFailed')
        with ThreadPoolExecutor(8) as pool:
            won = [number for number in pool.map(attempt, range(8)) if number is not None]
        self.assertEqual(len(won), 1)
        self.assertEqual(self.read('first-wins'), str(won[0]).encode())
        self.s3.delete_object(Bucket='boto', Key='first-wins')

    def test_lists(self):
        keys = sorted([f'list/{folder}/{number:03}' for folder in 'abc' for number in range(12)] + ['list/top', 'list/z~', 'list/é'])
        for key in keys:
            self.s3.put_object(Bucket='boto', Key=key, Body=b'')
        for name, key_of in [('list_objects_v2', 'Contents'), ('list_objects', 'Contents')]:
            pages = self.s3.get_paginator(name).paginate(Bucket='boto', Prefix='list/', PaginationConfig={'PageSize': 5})
            found = [each['Key'] for page in pages for each in page.get(key_of, [])]
            self.assertEqual(found, sorted(keys, key=lambda key: key.encode()))
            pages = self.s3.get_paginator(name).paginate(Bucket='boto', Prefix='list/', Delimiter='/', PaginationConfig={'PageSize': 2})
            prefixes, contents = [], []
            for page in pages:
                prefixes += [each['Prefix'] for each in page.get('CommonPrefixes', [])]
                contents += [each['Key'] for each in page.get('Contents', [])]
            self.assertEqual(prefixes, ['list/a/', 'list/b/', 'list/c/'])
            self.assertEqual(contents, ['list/top', 'list/z~', 'list/é'])
        after = self.s3.list_objects_v2(Bucket='boto', Prefix='list/', StartAfter='list/c/010')
        self.assertEqual(after['Contents'][0]['Key'], 'list/c/011')
        self.assertEqual(self.s3.list_objects_v2(Bucket='boto', MaxKeys=0)['KeyCount'], 0)

    def test_copies(self):
        body = os.urandom(100_000)
        self.s3.put_object(Bucket='boto', Key='copy/ä source', Body=body, Metadata={'a': '1'})
        self.s3.copy_object(Bucket='boto', Key='copy/target', CopySource={'Bucket': 'boto', 'Key': 'copy/ä source'})
        self.assertEqual(self.read('copy/target'), body)
        self.assertEqual(self.s3.head_object(Bucket='boto', Key='copy/target')['Metadata'], {'a': '1'})
        self.refused('InvalidRequest', self.s3.copy_object, Bucket='boto', Key='copy/target', CopySource='boto/copy/target')
        self.s3.copy_object(Bucket='boto', Key='copy/target', CopySource='boto/copy/target', MetadataDirective='REPLACE', Metadata={'b': '2'})
        self.assertEqual(self.s3.head_object(Bucket='boto', Key='copy/target')['Metadata'], {'b': '2'})
        self.refused('NoSuchKey', self.s3.copy_object, Bucket='boto', Key='copy/x', CopySource='boto/none')
        self.s3.delete_object(Bucket='boto', Key='copy/ä source')
        self.assertEqual(self.read('copy/target'), body)

    def test_uploads_in_parts(self):
        body = os.urandom(23 * MIB + 5)
        config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB, max_concurrency=4)
        for algorithm in ['CRC32', 'SHA256', None]:
            with self.subTest(algorithm=algorithm):
                extra = {'ChecksumAlgorithm': algorithm} if algorithm else {}
                self.s3.upload_fileobj(io.BytesIO(body), 'boto', 'parts', Config=config, ExtraArgs={'Metadata': {'k': 'v'}, **extra})
                target = io.BytesIO()
                self.s3.download_fileobj('boto', 'parts', target, Config=config)
                self.assertEqual(target.getvalue(), body)
        head = self.s3.head_object(Bucket='boto', Key='parts')
        sums = b''.join(hashlib.md5(body[at:at + 8 * MIB]).digest() for at in range(0, len(body), 8 * MIB))
        self.assertEqual(head['ETag'], '"%s-3"' % hashlib.md5(sums).hexdigest())
        self.assertEqual((head['ContentLength'], head['Metadata']), (len(body), {'k': 'v'}))
        self.assertEqual(self.read('parts', Range=f'bytes={8 * MIB - 3}-{8 * MIB + 2}'), body[8 * MIB - 3:8 * MIB + 3])
        second = self.s3.get_object(Bucket='boto', Key='parts', PartNumber=2)
        self.assertEqual((second['Body'].read(), second['PartsCount']), (body[8 * MIB:16 * MIB], 3))
        self.s3.copy(CopySource={'Bucket': 'boto', 'Key': 'parts'}, Bucket='boto', Key='parts-copied', Config=config)
        self.assertEqual(self.read('parts-copied'), body)

    def test_an_upload_is_listed_until_it_is_completed_or_aborted(self):
        upload = self.s3.create_multipart_upload(Bucket='boto', Key='slow')['UploadId']
        part = self.s3.upload_part(Bucket='boto', Key='slow', UploadId=upload, PartNumber=2, Body=b'two')
        self.s3.upload_part(Bucket='boto', Key='slow', UploadId=upload, PartNumber=1, Body=b'one')
        parts = self.s3.list_parts(Bucket='boto', Key='slow', UploadId=upload)
        self.assertEqual([(each['PartNumber'], each['Size']) for each in parts['Parts']], [(1, 3), (2, 3)])
        uploads = self.s3.list_multipart_uploads(Bucket='boto')['Uploads']
        self.assertIn(('slow', upload), [(each['Key'], each['UploadId']) for each in uploads])
        def complete(*parts):
            self.s3.complete_multipart_upload(Bucket='boto', Key='slow', UploadId=upload, MultipartUpload={'Parts': list(parts)})
        tag = {'PartNumber': 2, 'ETag': part['ETag']}
        self.refused('InvalidPart', complete_error(complete), part={'PartNumber': 3, 'ETag': part['ETag']})
        with self.assertRaises(ClientError) as raised:
            complete({'PartNumber': 1, 'ETag': '"%s"' % hashlib.md5(b'one').hexdigest()}, tag)
        self.assertEqual(raised.exception.response['Error']['Code'], 'EntityTooSmall')
        with self.assertRaises(ClientError) as raised:
            complete(tag, {'PartNumber': 1, 'ETag': '"%s"' % hashlib.md5(b'one').hexdigest()})
        self.assertIn(raised.exception.response['Error']['Code'], ['InvalidPartOrder', 'EntityTooSmall'])
        self.refused('404', self.s3.head_object, Bucket='boto', Key='slow')
        self.s3.abort_multipart_upload(Bucket='boto', Key='slow', UploadId=upload)
        self.refused('NoSuchUpload', self.s3.list_parts, Bucket='boto', Key='slow', UploadId=upload)

    def test_a_full_object_check_is_computed_from_those_of_the_parts(self):
        import zlib, base64
        one, two = os.urandom(5 * MIB), os.urandom(77)
        crc = base64.b64encode(zlib.crc32(one + two).to_bytes(4, 'big')).decode()
        def upload(check):
            made = self.s3.create_multipart_upload(Bucket='boto', Key='full', ChecksumAlgorithm='CRC32', ChecksumType='FULL_OBJECT')['UploadId']
            parts = []
            for number, body in [(1, one), (2, two)]:
                sent = self.s3.upload_part(Bucket='boto', Key='full', UploadId=made, PartNumber=number, Body=body, ChecksumAlgorithm='CRC32')
                parts.append({'PartNumber': number, 'ETag': sent['ETag'], 'ChecksumCRC32': sent['ChecksumCRC32']})
            return self.s3.complete_multipart_upload(Bucket='boto', Key='full', UploadId=made, MultipartUpload={'Parts': parts},
                                                     ChecksumCRC32=check, ChecksumType='FULL_OBJECT')
        self.assertEqual(upload(crc)['ChecksumCRC32'], crc)
        self.refused('BadDigest', upload, check='AAAAAA==')
        got = self.s3.get_object(Bucket='boto', Key='full', ChecksumMode='ENABLED')
        self.assertEqual(got['Body'].read(), one + two)

    def test_presigned_addresses(self):
        s3 = client(signature_version='s3v4')
        put = s3.generate_presigned_url('put_object', Params={'Bucket': 'boto', 'Key': 'signed é/x'}, ExpiresIn=60)
        urllib.request.urlopen(urllib.request.Request(put, data=b'by address', method='PUT')).read()
        get = s3.generate_presigned_url(
            'get_object', Params={'Bucket': 'boto', 'Key': 'signed é/x', 'ResponseContentType': 'text/x-test'}, ExpiresIn=60)
        with urllib.request.urlopen(get) as reply:
            self.assertEqual((reply.read(), reply.headers['content-type']), (b'by address', 'text/x-test'))
        for spoiled in [get.replace('X-Amz-Expires=60', 'X-Amz-Expires=61'), get.replace('signed%20', 'other%20')]:
            with self.assertRaises(urllib.error.HTTPError) as raised:
                urllib.request.urlopen(spoiled)
            self.assertEqual(raised.exception.code, 403)
            self.assertIn(b'SignatureDoesNotMatch', raised.exception.read())

    def test_buckets_as_host_names(self):
        s3 = client('s3.localhost', s3={'addressing_style': 'virtual'})
        s3.put_object(Bucket='boto', Key='by/host', Body=b'name')
        self.assertEqual(self.read('by/host'), b'name')
        self.assertEqual(s3.list_objects_v2(Bucket='boto', Prefix='by/')['Contents'][0]['Key'], 'by/host')

    def test_what_is_not_there_says_so(self):
        self.assertEqual(self.s3.get_bucket_versioning(Bucket='boto').get('Status'), None)
        self.refused('NoSuchBucketPolicy', self.s3.get_bucket_policy, Bucket='boto')
        self.refused('NotImplemented', self.s3.put_bucket_versioning, Bucket='boto', VersioningConfiguration={'Status': 'Enabled'})
        self.refused('NotImplemented', self.s3.get_object, Bucket='boto', Key='x', VersionId='3')


def complete_error(complete):
    return lambda part: complete(part)


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
