//! The formats behind `option httplog` and its kin, as the manual writes them out.

/// No log option: written when the connection is accepted. `mode http`.
pub const CONNECT_HTTP: &str = "Connect from %ci:%cp to %fi:%fp (%f/HTTP)";

/// No log option, `mode tcp`.
pub const CONNECT_TCP: &str = "Connect from %ci:%cp to %fi:%fp (%f/TCP)";

/// `option tcplog`
pub const TCPLOG: &str = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";

/// `option httplog`
pub const HTTPLOG: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc \
                           %sq/%bq %hr %hs %{+Q}r";

/// `option httplog clf`
pub const HTTPLOG_CLF: &str = "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta \
                               %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";

/// `option httpslog`
pub const HTTPSLOG: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc \
                            %sq/%bq %hr %hs %{+Q}r %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/\
                            %[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc";

/// A connection that fails before its first request, where there is no `error-log-format`; the sentence about the
/// failure follows.
pub const ERROR_PREFIX: &str = "%ci:%cp [%t] %f/%[so_name]:";
