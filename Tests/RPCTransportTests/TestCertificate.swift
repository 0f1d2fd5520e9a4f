/// A self-signed certificate for `localhost` and 127.0.0.1, valid for a century and trusted by nobody but these tests.
struct TestCertificate: Sendable {
  let certificatePEM: [UInt8]
  let keyPEM: [UInt8]

  static let shared = TestCertificate(
    certificatePEM: Array(
      """
      -----BEGIN CERTIFICATE-----
      MIIBvDCCAWKgAwIBAgIUJ2jQsRYrZsVVS1sWbYNI7j1FI/UwCgYIKoZIzj0EAwIw
      FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjIzMzIzOFoYDzIxMjYxMDI5
      MjMzMjM4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
      PQMBBwNCAASaWhra5mwDH78NvML9vTWttqsvx0cvEZn0Z2OKxgV9+NfvMsogzqog
      1DCOBibehLj3sIMjDOG+UI2kWEeu5zY1o4GPMIGMMB0GA1UdDgQWBBTsQULO23On
      KFQl1FbHtUFCbRXKfTAfBgNVHSMEGDAWgBTsQULO23OnKFQl1FbHtUFCbRXKfTAa
      BgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwDwYDVR0TAQH/BAUwAwEB/zAdBgNV
      HSUEFjAUBggrBgEFBQcDAQYIKwYBBQUHAwIwCgYIKoZIzj0EAwIDSAAwRQIhALVC
      GLp/20jD5/EV9y6RTkp4SF/nWN5QOZ+VpvpBErgJAiAF3S9b61umdzb4d1z3n/wH
      Es1/aC+vadmfhs4wb1mbIQ==
      -----END CERTIFICATE-----
      """.utf8),
    keyPEM: Array(
      """
      -----BEGIN PRIVATE KEY-----
      MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgts3DBA4vXH0SQW85
      cty3SMbNOe9EHmI8Zvi53XcGEdahRANCAASaWhra5mwDH78NvML9vTWttqsvx0cv
      EZn0Z2OKxgV9+NfvMsogzqog1DCOBibehLj3sIMjDOG+UI2kWEeu5zY1
      -----END PRIVATE KEY-----
      """.utf8))
}
